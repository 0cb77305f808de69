"""How a check reports: it raises a Problem; whoever checks the next statement collects it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from invarlock.policy.diagnostics import Diagnostic
from invarlock.policy.span import Span

MAX_FOUND: Final = 200
"""Diagnostics of one file. A file with more is no policy, and each costs time to word."""


class Problem(Exception):
    """One error of a policy, on its way to the diagnostics of the file."""

    def __init__(
        self, code: str, message: str, hint: str, span: Span, other: Span | None = None
    ) -> None:
        super().__init__(message)
        self.diagnostic = Diagnostic(code, message, hint, span, other=other)


class Problems:
    """Collects the diagnostics of one file, up to :data:`MAX_FOUND`."""

    def __init__(self) -> None:
        self.found: list[Diagnostic] = []

    def add(
        self, code: str, message: str, hint: str, span: Span, other: Span | None = None
    ) -> None:
        """Record an error."""
        self._keep(Diagnostic(code, message, hint, span, other=other))

    def warn(
        self, code: str, message: str, hint: str, span: Span, other: Span | None = None
    ) -> None:
        """Record a warning."""
        self._keep(Diagnostic(code, message, hint, span, severity="warning", other=other))

    def take(self, found: Iterable[Diagnostic]) -> None:
        """Record what was found in another file."""
        for diagnostic in found:
            self._keep(diagnostic)

    @property
    def any_error(self) -> bool:
        """Whether an error was found, and not only warnings."""
        return any(found.severity == "error" for found in self.found)

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Record the :class:`Problem` that the body raises, and go on after it."""
        try:
            yield
        except Problem as problem:
            self._keep(problem.diagnostic)

    @property
    def full(self) -> bool:
        """Whether so much was found that looking further helps nobody."""
        return len(self.found) >= MAX_FOUND

    def _keep(self, diagnostic: Diagnostic) -> None:
        if self.full and diagnostic.severity == "error":
            # An error is never lost behind warnings: one of them gives way.
            last = next((d for d in reversed(self.found) if d.severity == "warning"), None)
            if last is not None:
                self.found.remove(last)
        if not self.full:
            self.found.append(diagnostic)
