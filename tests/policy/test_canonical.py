"""Canonical relations: what accepts the same values of a measure is the same IR."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from invarlock.judge import Key, Value, Values, decide
from invarlock.policy import describe_relation
from invarlock.policy.catalogue import MEASURES, Kind
from invarlock.policy.intervals import WHOLE_UNITS, canonical, interval_of, is_empty, reach
from invarlock.policy.ir import BarIR, Gate, Interval
from tests.policy.support import compiled, policy


def digest(gate: str) -> str:
    return compiled(policy(f"require {gate}")).ir.digest


@pytest.mark.parametrize(
    "spellings",
    [
        ("windows.final > 4", "windows.final >= 5", "windows.final in (4, 1_000_000]"),
        ("top1.agreement in [97%, 100%]", "top1.agreement >= 0.97"),
        (
            "invariants.structure == 0",
            "invariants.structure <= 0",
            "invariants.structure < 1",
            "invariants.structure in [0, 0]",
            "invariants.structure in [0, 1)",
        ),
        ("windows.match == 100%", "windows.match >= 1", "windows.match in [100%, 100%]"),
        ("delta_p.rms <= 5 pp", "delta_p.rms in [0 pp, 5 pp]"),
        ("perplexity.ratio <= 1.1", "perplexity.ratio in (0, 1.1]"),
        ("tokenizer.same == yes", "tokenizer.same in {yes}"),
    ],
)
def test_one_pass_set_has_one_digest(spellings: tuple[str, ...]) -> None:
    assert len({digest(gate) for gate in spellings}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("windows.final >= 4", "windows.final >= 5"),
        ("kl.mean in (0, 1]", "kl.mean <= 1"),
        ("top1.agreement > 97%", "top1.agreement >= 97%"),
        ("invariants.structure <= 1", "invariants.structure <= 0"),
    ],
)
def test_another_pass_set_has_another_digest(one: str, other: str) -> None:
    assert digest(one) != digest(other)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("invariants.structure < 1", "== 0"),
        ("windows.match >= 100%", "== 1"),
        ("windows.final > 4", ">= 5"),
        ("top1.agreement in [97%, 100%]", ">= 0.97"),
        ("perplexity.drift in [0.9, 1.1)", "in [0.9, 1.1)"),
    ],
)
def test_canonical_relations_read_naturally(written: str, shown: str) -> None:
    bar = compiled(policy("", f"require {written}")).ir.bars["t"]
    assert [describe_relation(gate) for gate in bar.gates] == [shown]


def test_what_a_profile_leaves_is_canonical() -> None:
    both = compiled(
        policy(
            "require windows.final > 4",
            "require top1.agreement in (50%, 100%]",
            "profile p { require windows.final <= 100; require top1.agreement >= 60% }",
        )
    ).ir.bars["t+p"]
    written = compiled(
        policy("require windows.final in [5, 100]", "require top1.agreement >= 0.6")
    ).ir.bars["t"]
    assert both == written


NUMBERS = sorted(name for name, measure in MEASURES.items() if measure.kind is Kind.NUMBER)


@given(st.data(), st.sampled_from(NUMBERS))
def test_a_canonical_relation_decides_as_the_written_one(data: st.DataObject, name: str) -> None:
    measure = MEASURES[name]
    numbers = st.integers(-3, 12).map(lambda n: Decimal(n) / 4)
    low, high = data.draw(st.none() | numbers), data.draw(st.none() | numbers)
    closed = data.draw(st.tuples(st.booleans(), st.booleans()))
    written = interval_of(low, high, low_closed=closed[0], high_closed=closed[1])
    assume(not is_empty(reach(written, measure)))
    short = canonical(written, measure)
    assert isinstance(short, Interval)
    assert canonical(short, measure) == short
    if measure.unit in WHOLE_UNITS:
        assert "." not in f"{short.low}{short.high}"
    point = data.draw(numbers)
    verdicts = {
        decide(
            BarIR(
                task="causal_lm",
                settings={},
                gates=(Gate(measure=name, level="require", relation=relation),),
            ),
            Values({Key(name): Value("ok", point, point, point)}),
        ).verdict
        for relation in (written, short)
    }
    assert len(verdicts) == 1


RULE = 'signer {} {{ repository = "r"; workflow = "w"; ref = "{}"; issuer = "i" }}\n'


def test_a_signer_whom_the_others_allow_adds_nothing() -> None:
    signers = RULE.format("all", "refs/*/*") + RULE.format("tag", "refs/tags/*")

    def by(names: str) -> str:
        return compiled(policy(f"{signers}require signature.by in {{{names}}}")).ir.digest

    assert by("all, tag") == by("all") != by("tag")
