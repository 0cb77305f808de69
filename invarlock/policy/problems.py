"""How a check reports: it raises a Problem; whoever checks the next statement collects it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from invarlock.policy.diagnostics import Diagnostic
from invarlock.policy.span import Span


class Problem(Exception):
    """One error of a policy, on its way to the diagnostics of the file."""

    def __init__(
        self, code: str, message: str, hint: str, span: Span, other: Span | None = None
    ) -> None:
        super().__init__(message)
        self.diagnostic = Diagnostic(code, message, hint, span, other=other)


class Problems:
    """Collects the diagnostics of one file."""

    def __init__(self) -> None:
        self.found: list[Diagnostic] = []

    def add(
        self, code: str, message: str, hint: str, span: Span, other: Span | None = None
    ) -> None:
        """Record an error."""
        self.found.append(Diagnostic(code, message, hint, span, other=other))

    def warn(self, code: str, message: str, hint: str, span: Span) -> None:
        """Record a warning."""
        self.found.append(Diagnostic(code, message, hint, span, severity="warning"))

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Record the :class:`Problem` that the body raises, and go on after it."""
        try:
            yield
        except Problem as problem:
            self.found.append(problem.diagnostic)
