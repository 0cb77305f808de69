"""Mutation: which weakenings of a policy would its tests let through, and what test is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from invarlock.authoring.testing.mutants import Mutant, mutants, without_tests
from invarlock.authoring.testing.run import CaseResult, bar_of, run_case
from invarlock.authoring.testing.suppose import keys_of, passing
from invarlock.canonical import decimal_text
from invarlock.policy import Compiled, PolicyFault, compile_policy
from invarlock.policy.catalogue import MEASURES, Unit
from invarlock.policy.checked import Case, Expected
from invarlock.policy.ir import BarIR


@dataclass(frozen=True, slots=True)
class Survivor:
    """A mutant that no test kills. ``missing`` is a test that would, ready to be pasted; empty
    where no value of this one gate tells the two apart."""

    mutant: Mutant
    missing: str


@dataclass(frozen=True, slots=True)
class MutationRun:
    """What became of all mutants.

    ``refused`` no longer compile: what they refine, or the natural range, holds them back.
    ``without_effect`` mean what the policy means: another statement says as much.
    """

    killed: int
    refused: int
    without_effect: int
    survivors: tuple[Survivor, ...]

    @property
    def score(self) -> Fraction:
        """The share killed of those that weaken the policy; 1 if none does."""
        live = self.killed + len(self.survivors)
        return Fraction(self.killed, live) if live else Fraction(1)


@dataclass(frozen=True, slots=True)
class _Live:
    """A mutant that weakens something: the bars that it changes, as they come out of it."""

    mutant: Mutant
    value: str
    bars: dict[str, BarIR]

    def killed_by(self, case: Case, compiled: Compiled) -> bool:
        """Whether ``case``, which the policy passes, fails here."""
        if not any(_value(key) == self.value for key, _ in case.mentions):
            return False  # gates that are not spoken of pass, however wide they are
        name, _ = bar_of(case, compiled)
        bar = self.bars.get(name)
        return bar is not None and not run_case(case, name, bar, compiled.signers).passed


def run_mutation(compiled: Compiled, results: Sequence[CaseResult]) -> MutationRun:
    """Weaken every gate of ``compiled`` and see which of its passing tests notice."""
    cases = [result.case for result in results if result.passed]
    text = compiled.source.decode()
    killed = refused = same = 0
    survivors: list[Survivor] = []
    found: list[tuple[str, Case]] = []
    for mutant in mutants(text):
        live = _live(mutant, compiled)
        if live is None:
            refused += 1
        elif not live.bars:
            same += 1
        elif any(live.killed_by(case, compiled) for case in cases):
            killed += 1
        else:
            missing = _missing(live, compiled, found)
            survivors.append(Survivor(mutant, missing))
    return MutationRun(killed, refused, same, tuple(survivors))


def _value(key: str) -> str:
    """What a gate reads: one value for estimate and ``.point``, and for all families together."""
    measure, _, target = key.partition(" on ")
    name = measure.removesuffix(".point")
    return f"{name} on {target}" if target.startswith('"') else name


def _live(mutant: Mutant, compiled: Compiled) -> _Live | None:
    """The mutant compiled; ``None`` where the compiler refuses it."""
    try:
        weaker = _compile(mutant.source, compiled)
    except PolicyFault:
        return None
    bars = {name: bar for name, bar in weaker.ir.bars.items() if bar != compiled.ir.bars[name]}
    return _Live(mutant, _value(mutant.key), bars)


def _compile(text: str, compiled: Compiled) -> Compiled:
    """``text`` compiled in the place of ``compiled``, with what that one includes."""
    sources = compiled.includes
    return compile_policy(text.encode(), filename=compiled.name, includes=sources.__getitem__)


def _missing(live: _Live, compiled: Compiled, found: list[tuple[str, Case]]) -> str:
    """A test that kills the mutant: one already found for another, or a new one."""
    for text, case in found:
        if live.killed_by(case, compiled):
            return text
    for text, case in _candidates(live, compiled):
        if live.killed_by(case, compiled):
            found.append((text, case))
            return text
    return ""


def _candidates(live: _Live, compiled: Compiled) -> Iterator[tuple[str, Case]]:
    """Tests that the policy passes, each with one telling value under one bar changed."""
    plain = without_tests(compiled.source.decode())
    mutant = live.mutant
    home = [name for name in live.bars if mutant.tier in {None, name.partition("+")[0]}]
    for name in home[:1] or list(live.bars)[:1]:
        for value in _with_intervals(mutant, compiled.ir.bars[name]):
            block = _Block(mutant.key, name, value)
            try:
                case = _compile(f"{plain}\n{block.text('pass')}\n", compiled).cases[-1]
            except PolicyFault:
                continue  # a value outside the natural range is none that a test could give
            expected = _expectation(case, name, compiled, block.key)
            if expected is not None:
                cause = expected.because is not None
                yield block.text(expected.outcome, cause=cause), replace(case, expected=expected)


def _with_intervals(mutant: Mutant, bar: BarIR) -> Iterator[str]:
    """The telling values; of a point, also with an interval that passes by itself."""
    yield from mutant.telling
    gate = bar.gate(mutant.key)
    if gate is not None and gate.statistic == "point":
        low = passing(bar)[keys_of(gate.measure, gate.target)[0]].low
        unit = " pp" if MEASURES[gate.measure].unit is Unit.PP else ""
        end = decimal_text(low or Decimal(0)) + unit
        for value in mutant.telling:
            yield f"{value} in [{end}, {end}]"


def _expectation(case: Case, name: str, compiled: Compiled, key: str) -> Expected | None:
    """What the policy makes of ``case``; ``None`` where it takes no notice."""
    verdict = run_case(case, name, compiled.ir.bars[name], compiled.signers).verdict
    gate = next((gate for gate in verdict.gates if gate.id == key), None)
    if gate is None or gate.verdict == "pass":
        return None
    if gate.level == "warn":
        return Expected("warning", key, case.span) if verdict.verdict == "pass" else None
    cause = key if gate.verdict == verdict.verdict else None
    return Expected(verdict.verdict, cause, case.span)


@dataclass(frozen=True, slots=True)
class _Block:
    """The text of a test that supposes one value."""

    key: str
    bar: str
    value: str

    def text(self, outcome: str, *, cause: bool = False) -> str:
        tier, _, profile = self.bar.partition("+")
        name = f"{self.key} = {self.value}, {self.bar}".replace('"', "")
        lines = [f'test "{name}" {{']
        lines += (
            [f"  tier    = {tier}", f"  profile = {profile}"] if profile else [f"  tier = {tier}"]
        )
        lines.append(f"  given {self.key} = {self.value}")
        lines.append(f"  expect {outcome}" + (f" because {self.key}" if cause else ""))
        return "\n".join([*lines, "}"])
