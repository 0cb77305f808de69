"""Mutants: the source of a policy with one gate statement weakened by one step.

A bound moves outward by one unit of its last written place, an open end closes, a word joins a
set, `require` becomes `warn`, the statement goes. Whether the result still compiles, and still
means something else, the compiler says. Only gates are mutated: a changed setting makes a bar
incomparable, not weaker (DESIGN section 3).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Final

from invarlock.policy.build import build
from invarlock.policy.catalogue import Kind
from invarlock.policy.check_case import key_of
from invarlock.policy.check_gate import check_subject
from invarlock.policy.parse import parse
from invarlock.policy.span import Span
from invarlock.policy.syntax import Block, Bound, Gate, In, Inside, Quantity, Statement, Word

_PRECISION: Final = 100
_SCOPES: Final = frozenset({"tier", "profile"})
_VISIBLE: Final = re.compile(r"[^\n]")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_UPPER: Final = frozenset({"<", "<="})


@dataclass(frozen=True, slots=True)
class Mutant:
    """One weakened source.

    Attributes:
        span: the statement's place in the original.
        tier, profile: the block that it stands in; both ``None`` at the top level.
        key: the id of the gate, such as ``kl.mean on "code"``.
        change: what was done, such as ``<= 1.10 → <= 1.11``.
        telling: values, as a test would give them, that may tell the two apart.
        source: the weakened policy, without its tests.
    """

    span: Span
    tier: str | None
    profile: str | None
    key: str
    change: str
    telling: tuple[str, ...]
    source: str


@dataclass(frozen=True, slots=True)
class _Edit:
    start: int
    end: int
    replacement: str
    change: str
    telling: tuple[str, ...]


def without_tests(text: str) -> str:
    """``text`` with its test blocks blanked, so that every place stays where it is."""
    offsets = _Offsets(text)
    for statement in _statements(text):
        if isinstance(statement, Block) and statement.kind.text == "test":
            start, end = offsets.ends(statement.span)
            text = text[:start] + _VISIBLE.sub(" ", text[start:end]) + text[end:]
    return text


def mutants(text: str) -> Iterator[Mutant]:
    """All mutants of a valid policy, in the order of its statements."""
    plain = without_tests(text)
    body = _statements(plain)
    writer = _Writer(plain, _Offsets(plain), _signers(body))
    for gate, tier, profile in _gates(body):
        for edit in writer.edits(gate):
            source = plain[: edit.start] + edit.replacement + plain[edit.end :]
            key = key_of(gate.subject)
            yield Mutant(gate.span, tier, profile, key, edit.change, edit.telling, source)


def _statements(text: str) -> tuple[Statement, ...]:
    tree, _ = parse(text)
    return build(tree, text).body


def _gates(body: tuple[Statement, ...]) -> Iterator[tuple[Gate, str | None, str | None]]:
    for statement in body:
        if isinstance(statement, Gate):
            yield statement, None, None
        elif isinstance(statement, Block) and statement.kind.text in _SCOPES:
            label = statement.label
            name = label.text if isinstance(label, Word) else None
            tier, profile = (name, None) if statement.kind.text == "tier" else (None, name)
            for inner in statement.body:
                if isinstance(inner, Gate):
                    yield inner, tier, profile


def _signers(body: tuple[Statement, ...]) -> tuple[str, ...]:
    """Names of the signers declared."""
    return tuple(
        statement.label.text
        for statement in body
        if isinstance(statement, Block) and statement.kind.text == "signer" and statement.label
    )


class _Offsets:
    """From spans back to character offsets."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(n + 1 for n, char in enumerate(text) if char == "\n")]

    def ends(self, span: Span) -> tuple[int, int]:
        return (
            self._starts[span.line - 1] + span.column - 1,
            self._starts[span.end_line - 1] + span.end_column - 1,
        )


class _Writer:
    def __init__(self, plain: str, offsets: _Offsets, signers: tuple[str, ...]) -> None:
        self.plain, self.offsets, self.signers = plain, offsets, signers

    def text(self, span: Span) -> str:
        start, end = self.offsets.ends(span)
        return self.plain[start:end]

    def edits(self, gate: Gate) -> Iterator[_Edit]:
        """Every way to weaken ``gate`` by one step."""
        relation = gate.relation
        beyond: list[str] = []
        for edit in self.weaker(gate):
            beyond += edit.telling
            yield edit
        # What any weakening of the relation would let in tells these apart as well.
        telling = tuple(dict.fromkeys([*beyond, *self.other_words(gate), "missing"]))
        start, end = self.offsets.ends(gate.span)
        if gate.level == "require":
            yield _Edit(start, start + len("require"), "warn", "require → warn", telling)
        gone = _VISIBLE.sub(" ", self.plain[start:end])
        yield _Edit(start, end, gone, f"{self.text(relation.span)} → dropped", telling)

    def weaker(self, gate: Gate) -> Iterator[_Edit]:
        match gate.relation:
            case Bound(value=Quantity() as value, operator="=="):
                yield from self.equality(gate.relation, value)
            case Bound(value=Quantity() as value, operator=operator):
                up = operator in _UPPER
                yield self.relation(gate.relation.span, f"{operator} {_moved(value, up=up)}", value)
                if operator in {"<", ">"}:
                    yield self.relation(gate.relation.span, f"{operator}= {value.text}", value)
            case Inside():
                yield from self.interval(gate.relation)
            case Bound() | In():
                yield from self.words(gate)

    def relation(self, span: Span, new: str, value: Quantity) -> _Edit:
        """The whole relation replaced. The number it ends with now passes, or where that end is
        open, the one before it."""
        told = new.partition(" ")[2] if new[:1] in "<>" else value.text
        return _Edit(
            *self.offsets.ends(span), new, f"{self.text(span)} → {new}", (told, value.text)
        )

    def equality(self, relation: Bound, value: Quantity) -> Iterator[_Edit]:
        start, end = self.offsets.ends(relation.span)
        for up in (False, True):
            other = _moved(value, up=up)
            ends = (value.text, other) if up else (other, value.text)
            new = f"in [{ends[0]}, {ends[1]}]"
            yield _Edit(start, end, new, f"{self.text(relation.span)} → {new}", (other,))

    def interval(self, relation: Inside) -> Iterator[_Edit]:
        written = self.text(relation.span)
        start, end = self.offsets.ends(relation.span)
        low, high = relation.low.text, relation.high.text
        opening = "[" if relation.low_closed else "("
        closing = "]" if relation.high_closed else ")"
        less, more = _moved(relation.low, up=False), _moved(relation.high, up=True)
        forms: list[tuple[str, tuple[str, ...]]] = [
            (f"in {opening}{less}, {high}{closing}", (less, low)),
            (f"in {opening}{low}, {more}{closing}", (more, high)),
        ]
        if not relation.low_closed:
            forms.append((f"in [{low}, {high}{closing}", (low,)))
        if not relation.high_closed:
            forms.append((f"in {opening}{low}, {high}]", (high,)))
        for new, told in forms:
            yield _Edit(start, end, new, f"{written} → {new}", told)

    def words(self, gate: Gate) -> Iterator[_Edit]:
        written = self.text(gate.relation.span)
        start, end = self.offsets.ends(gate.relation.span)
        kept = _words(gate)
        for word in self.other_words(gate):
            new = "in {" + ", ".join([*kept, word]) + "}"
            yield _Edit(start, end, new, f"{written} → {new}", (word,))

    def other_words(self, gate: Gate) -> list[str]:
        """Words that the gate does not allow, and might: none for numbers. Of digests and signers,
        those that stand elsewhere in the policy."""
        measure, _, _ = check_subject(gate.subject)
        known: Iterable[str] = measure.words
        if measure.kind is Kind.SIGNER:
            known = self.signers
        elif measure.kind is Kind.DIGEST:
            known = dict.fromkeys(_DIGEST.findall(self.plain))
        return [word for word in known if word not in _words(gate)]


def _words(gate: Gate) -> list[str]:
    match gate.relation:
        case Bound(value=value):
            return [value.text]
        case In(values=values):
            return [item.text for item in values.items]
        case _:
            return []


def _moved(value: Quantity, *, up: bool) -> str:
    """``value`` one unit of its last written place further up or down, as it would be written."""
    number = value.number.replace("_", "")
    places = len(number.partition(".")[2])
    with localcontext() as context:
        context.prec = _PRECISION
        unit = Decimal(1).scaleb(-places)
        moved = format(Decimal(number) + (unit if up else -unit), "f")
    return moved + value.text.removeprefix(value.number)
