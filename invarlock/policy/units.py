"""One file and those that it includes, each as far as its bars: parse → build → check → resolve.

A file arrives as it resolves itself: compiled on its own, with its own includes, and pinned by
the semantic digest of its policy (DESIGN section 3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from invarlock.errors import InvarlockError
from invarlock.policy.build import build
from invarlock.policy.check import check
from invarlock.policy.check_setting import looks_apart
from invarlock.policy.checked import Checked, PlacedInclude
from invarlock.policy.contradict import conflicts
from invarlock.policy.decode import decode
from invarlock.policy.diagnostics import printable, shown
from invarlock.policy.ir import PolicyIR
from invarlock.policy.lex import tokens
from invarlock.policy.lower import lower
from invarlock.policy.parse import parse
from invarlock.policy.problems import Problem, Problems
from invarlock.policy.resolve import Included, Resolved, resolve
from invarlock.policy.signers import Budget
from invarlock.policy.span import Lines

IncludeReader = Callable[[str], bytes]
"""Gives the bytes of an included file by its path from the policy's folder, with ``/`` between
steps. Raises :class:`InvarlockError` where there is nothing to read."""

MAX_DEPTH: Final = 8
MAX_FILES: Final = 16
MAX_BAR_GATES: Final = 10_000
"""Gates of one file, counted in each of its bars: what is written and hashed in a second."""
# What all included files may have together: each is read, and each bar of each hashed for the pin.
MAX_WORDS: Final = 20_000
MAX_GATES: Final = 10_000

# After an error a statement is missing from what follows; what depends on it says nothing.
_SPURIOUS: Final = {
    "E101": frozenset({"E107", "E111", "E122"}),
    "E102": frozenset({"E111", "E122"}),
    "E103": frozenset({"E111", "E122"}),
    "E104": frozenset({"E111"}),
    "E105": frozenset({"E111", "E122"}),
    "E107": frozenset({"E122"}),
    "E108": frozenset({"E111"}),
    "E113": frozenset({"E111"}),
    "E124": frozenset({"E107", "E122"}),
    "E126": frozenset({"E111", "E122"}),
}


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """One file without errors of its own."""

    checked: Checked
    bars: Mapping[str, Resolved]
    ir: PolicyIR


class Units:
    """Compiles files, each once. ``sources`` holds what was included, by path."""

    def __init__(self, reader: IncludeReader | None) -> None:
        self.sources: dict[str, bytes] = {}
        self._reader = reader
        self._budget = Budget()
        self._words, self._gates = MAX_WORDS, MAX_GATES
        self._done: dict[str, Unit | None] = {}
        self._open: list[str] = []

    def unit(self, source: bytes, file: str, problems: Problems) -> Unit | None:
        """The file ``file``, whose bytes are ``source``; errors and warnings go to ``problems``.

        ``None`` where there is an error. Raises :class:`Problem` E115.
        """
        text = decode(source, file)
        tree, faults = parse(text)
        lines = Lines(text, file)
        for fault in faults:
            problems.add(fault.code, fault.message, fault.hint, lines.span(fault.start, fault.end))
        checked = check(build(tree, text, file), problems)
        if checked is None:
            return None
        included = self._included(checked, problems)
        bars = resolve(checked, included, problems, self._budget)
        _silence(problems, file)
        if problems.any_error or not _few_enough(checked, bars, problems):
            return None
        ir = lower(checked, bars)
        _looks(ir, bars, problems)
        _contradictions(ir, bars, problems)
        return None if problems.any_error else Unit(checked, bars, ir)

    def _included(self, checked: Checked, problems: Problems) -> dict[str, Included | None]:
        """What is included, by alias; ``None`` for a file with errors, which are reported."""
        found: dict[str, Included | None] = {}
        for alias, placed in checked.includes.items():
            found[alias] = None
            with problems.collecting():
                unit = self.include(placed, problems)
                if unit is not None:
                    found[alias] = Included(placed.target, unit.checked.tiers.keys(), unit.bars)
                    _check_task(checked, placed, unit)
                    _check_pin(placed, unit)
        return found

    def include(self, placed: PlacedInclude, problems: Problems) -> Unit | None:
        """The file that ``placed`` names; ``None`` where it has errors, which go to ``problems``.

        Raises :class:`Problem` E124 or E125.
        """
        path = placed.target
        if path in self._open:
            circle = [*self._open[self._open.index(path) :], path]
            names = " includes ".join(f"`{shown(name)}`" for name in circle)
            raise Problem("E125", f"a circle: {names}", "drop one", placed.path.span)
        if path not in self._done:
            self.sources[path] = source = self._read(placed)
            self._done[path] = None
            self._spend_words(source, placed)
            self._open.append(path)
            inner = Problems()
            with inner.collecting():
                self._done[path] = self.unit(source, path, inner)
            self._open.pop()
            # What a file is warned of, its own check says.
            problems.take(found for found in inner.found if found.severity == "error")
            self._spend_gates(self._done[path], placed)
        return self._done[path]

    def _spend_words(self, source: bytes, placed: PlacedInclude) -> None:
        text = source.decode(errors="replace")
        self._words -= sum(1 for _ in islice(tokens(text), self._words + 1))
        if self._words < 0:
            message = f"the files included have more than {MAX_WORDS} words in all"
            raise Problem("E124", message, "include fewer or smaller ones", placed.path.span)

    def _spend_gates(self, unit: Unit | None, placed: PlacedInclude) -> None:
        self._gates -= sum(len(bar.gates) for bar in unit.bars.values()) if unit else 0
        if self._gates < 0:
            self._done[placed.target] = None
            message = f"the bars of the files included have more than {MAX_GATES} gates in all"
            raise Problem("E124", message, "include fewer or smaller ones", placed.path.span)

    def _read(self, placed: PlacedInclude) -> bytes:
        place, name = placed.path.span, shown(placed.path.text)
        if self._reader is None:
            message = f"`{name}` cannot be read: this text has no folder"
            raise Problem("E124", message, "save it as a file", place)
        if len(self._open) >= MAX_DEPTH:
            message = f"`{name}` is more than {MAX_DEPTH} includes deep"
            raise Problem("E124", message, "write its tiers out", place)
        if len(self.sources) >= MAX_FILES:
            message = f"`{name}` is one of more than {MAX_FILES} files included"
            raise Problem("E124", message, "include fewer", place)
        try:
            return self._reader(placed.target)
        except InvarlockError as err:
            message = printable(err.message)
            raise Problem("E124", f"`{name}` cannot be read: {message}", err.hint, place) from err


def _few_enough(checked: Checked, bars: Mapping[str, Resolved], problems: Problems) -> bool:
    """Whether what is done for each gate of each bar is done in a second; else it is reported."""
    if sum(len(bar.gates) for bar in bars.values()) <= MAX_BAR_GATES:
        return True
    message = f"the {len(bars)} bars have more than {MAX_BAR_GATES} gates in all"
    problems.add("E115", message, "declare fewer tiers, profiles or gates", checked.span)
    return False


def _looks(ir: PolicyIR, bars: Mapping[str, Resolved], problems: Problems) -> None:
    """Report looks that share no errors, and errors that no looks share (E139), each once."""
    seen: set[int] = set()
    for name, bar in ir.bars.items():
        message = looks_apart(bar.settings)
        placed = bars[name].settings
        found = placed.get("estimate.looks") or placed.get("estimate.spending")
        if message and found is not None and id(found) not in seen:
            seen.add(id(found))
            hint = "set `estimate.looks` with `estimate.spending`, or neither"
            problems.add("E139", message, hint, found.span)


def _contradictions(ir: PolicyIR, bars: Mapping[str, Resolved], problems: Problems) -> None:
    """Report the gates of one bar that nothing can pass together (E120), each pair once."""
    seen: set[tuple[int, int]] = set()
    for name, bar in ir.bars.items():
        placed = bars[name].gates
        gates = dict(zip(sorted(placed), bar.gates, strict=True))
        for found in conflicts(gates, bar.settings, bar.task):
            one, other = placed[found.one], placed[found.other]
            if (id(one), id(other)) in seen:
                continue
            seen.add((id(one), id(other)))
            message = found.message.replace("{place}", other.span.words)
            second = None if one is other else other.span
            problems.add("E120", message, found.hint, one.span, second)


def _silence(problems: Problems, file: str) -> None:
    own = [found for found in problems.found if found.span.file == file]
    silenced = frozenset[str]().union(*(_SPURIOUS.get(found.code, ()) for found in own))
    problems.found = [
        found for found in problems.found if found.span.file != file or found.code not in silenced
    ]


def _check_task(checked: Checked, placed: PlacedInclude, unit: Unit) -> None:
    if checked.task and unit.checked.task != checked.task:
        message = f"the task of `{shown(placed.path.text)}` is `{unit.checked.task}`"
        hint = f"include a policy for `{checked.task}`"
        raise Problem("E114", message, hint, placed.path.span, unit.checked.span)


def _check_pin(placed: PlacedInclude, unit: Unit) -> None:
    name, found = shown(placed.path.text), unit.ir.digest
    freeze = "run `invarlock policy freeze` on this file"
    if placed.pin is None:
        raise Problem("E123", f"the include of `{name}` is not pinned", freeze, placed.path.span)
    if placed.pin.text != found:
        message = f"the policy in `{name}` has the digest `{found}`, not the one pinned"
        raise Problem("E123", message, f"review what changed, then {freeze}", placed.pin.span)
