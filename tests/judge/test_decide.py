"""Gates against values: the table of outcomes, and what must hold for all of them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import product
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invarlock.canonical import decimal_text
from invarlock.judge import GateResult, Key, Value, Values, decide, gravest
from invarlock.judge.signature import PENDING, signature_values
from invarlock.policy.catalogue import MEASURES, Kind, Unit
from invarlock.policy.ir import BarIR, Gate, Interval, Member, Signers, Target
from invarlock.policy.signers import KeySigner
from tests.builders import at_least, at_most, between, one_of, target

Status = Literal["missing", "non_finite", "too_few"]


def _bar(*gates: Gate) -> BarIR:
    return BarIR(task="causal_lm", settings={}, gates=gates)


def _judge(gate: Gate, *values: Value, key: Key | None = None) -> GateResult:
    items = dict.fromkeys([key or Key(gate.measure)], values[0]) if values else {}
    return decide(_bar(gate), Values(items)).gates[0]


def _value(point: str, low: str | None = None, high: str | None = None, **rest: Any) -> Value:
    ends = [None if end is None else Decimal(end) for end in (low, high)]
    return Value("ok", Decimal(point), *ends, **rest)


@pytest.mark.parametrize(
    ("low", "high", "verdict", "margin"),
    [
        ("1.01", "1.05", "pass", "0.05"),
        ("1.01", "1.1", "pass", "0"),
        ("1.05", "1.12", "inconclusive", "-0.02"),
        ("1.1", "1.12", "inconclusive", "-0.02"),
        ("1.11", "1.12", "fail", "-0.01"),
    ],
)
def test_the_interval_decides(low: str, high: str, verdict: str, margin: str) -> None:
    result = _judge(at_most("perplexity.ratio", "1.1"), _value("1.06", low, high))
    assert (result.verdict, result.margin) == (verdict, margin)
    assert result.interval == (low, high)
    assert result.observed == "1.06"


@pytest.mark.parametrize(
    ("low", "high", "verdict", "margin"),
    [
        ("0.97", "1.04", "pass", "0.01"),
        ("0.97", "1.02", "pass", "0.02"),
        ("0.94", "1.06", "inconclusive", "-0.01"),
        ("0.9", "0.94", "fail", "-0.01"),
        ("1.06", "1.3", "fail", "-0.01"),
    ],
)
def test_two_bounds(low: str, high: str, verdict: str, margin: str) -> None:
    result = _judge(between("perplexity.ratio", "0.95", "1.05"), _value("1", low, high))
    assert (result.verdict, result.margin) == (verdict, margin)


def test_point_ignores_the_interval() -> None:
    value = _value("1.06", "1.05", "1.12")
    point = at_most("perplexity.ratio", "1.1", statistic="point")
    assert _judge(at_most("perplexity.ratio", "1.1"), value).verdict == "inconclusive"
    result = _judge(point, value)
    assert (result.verdict, result.margin, result.interval) == ("pass", "0.04", None)
    assert result.id == "perplexity.ratio.point"


def test_a_measure_without_interval_decides_by_its_value() -> None:
    assert _judge(at_most("kl.p99", "0.5"), _value("0.4")).verdict == "pass"
    assert _judge(at_most("kl.p99", "0.5"), _value("0.6")).verdict == "fail"


@pytest.mark.parametrize("ends", [(None, None), ("1.01", None), (None, "1.02")])
def test_no_interval_is_inconclusive(ends: tuple[str | None, str | None]) -> None:
    gate = at_most("perplexity.ratio", "1.1")
    assert _judge(gate, _value("1.01", *ends, reason="why")).verdict == "inconclusive"
    assert _judge(gate, _value("1.01", "1.01", "1.02")).verdict == "pass"


@pytest.mark.parametrize("statistic", ["estimate", "point"])
def test_too_few_windows_are_inconclusive_whatever_the_statistic(
    statistic: Literal["estimate", "point"],
) -> None:
    gate = at_most("perplexity.ratio", "1.1", statistic=statistic)
    value = Value("too_few", Decimal("1.01"), reason="3 windows, it takes 8")
    result = _judge(gate, value)
    assert result.verdict == "inconclusive"
    assert "3 windows" in result.reason
    assert _judge(gate, _value("1.01", "1.01", "1.02")).verdict == "pass"


def test_too_few_windows_for_a_percentile_are_inconclusive() -> None:
    value = Value("too_few", Decimal("0.1"), reason="10 windows, it takes 20")
    result = _judge(at_most("perplexity.tail.p95", "0.2"), value)
    assert (result.verdict, result.reason) == (
        "inconclusive",
        "too few to tell: 10 windows, it takes 20",
    )


def test_no_interval_leaves_the_point_to_whoever_asks_for_it() -> None:
    value = _value("1.01", reason="why")
    assert _judge(at_most("perplexity.ratio", "1.1"), value).verdict == "inconclusive"
    assert _judge(at_most("perplexity.ratio", "1.1", statistic="point"), value).verdict == "pass"


def test_an_early_look_decides_by_intervals_alone() -> None:
    early = replace(_value("1.01", "1.005", "1.02"), early=True)
    assert _judge(at_most("perplexity.ratio", "1.1"), early).verdict == "pass"
    point = _judge(at_most("perplexity.ratio", "1.1", statistic="point"), early)
    assert (point.verdict, point.margin) == ("inconclusive", None)
    assert "last look" in point.reason
    tail = at_most("perplexity.tail.p95", "2")
    assert _judge(tail, early).verdict == "inconclusive"
    assert _judge(tail, replace(early, early=False)).verdict == "pass"


def test_a_floor_speaks_of_what_the_looks_come_to() -> None:
    seen = Value("ok", Decimal(8), planned=Decimal(32))
    enough = _judge(at_least("windows.final", "32"), seen)
    assert (enough.verdict, enough.observed) == ("pass", "8")
    assert "32 planned, 8 of them seen" in enough.reason
    assert _judge(at_least("windows.final", "33"), seen).verdict == "incomplete"


@pytest.mark.parametrize(
    ("point", "ends", "more"),
    [
        ("1.06", ("1.01", "1.11"), "; 29 more windows would probably settle it"),
        ("1.11", ("1.09", "1.13"), "; 718 more windows would probably settle it"),
        ("1.1", ("1.09", "1.11"), "; the estimate is so near to the bound that"),
        ("1.0999", ("1", "1.2"), "; the estimate is so near to the bound that"),
    ],
)
def test_what_would_settle_it(point: str, ends: tuple[str, str], more: str) -> None:
    """(1.43 * 0.05 / 0.04)**2 = 3.195 times the windows, or (1.43 * 0.02 / 0.01)**2 = 8.18."""
    value = replace(_value(point, *ends), windows=100 if "718" in more else 13)
    result = _judge(at_most("perplexity.ratio", "1.1"), value)
    assert result.verdict == "inconclusive"
    assert more in result.reason
    assert ("looked at twice" in result.reason) == ("probably" in more)


@pytest.mark.parametrize(
    ("point", "exact", "verdict"),
    [
        ("0.5", True, "pass"),
        ("0.5", False, "inconclusive"),
        ("0.499999999", False, "pass"),
        ("0.500000001", True, "fail"),
        ("0.500000001", False, "inconclusive"),
        ("0.500000002", False, "fail"),
    ],
)
def test_a_rounded_value_at_its_bound_is_inconclusive(
    point: str, exact: bool, verdict: str
) -> None:
    assert _judge(at_most("kl.p99", "0.5"), _value(point, exact=exact)).verdict == verdict


def test_slack_stops_at_the_natural_range() -> None:
    value = _value("1", "0.99", "1", exact=False)
    assert _judge(between("top1.agreement", "0.97", "1"), value).verdict == "pass"
    zero = _value("0", exact=False)
    assert _judge(between("kl.p99", "0", "0.5"), zero).verdict == "pass"


AMOUNTS = ["windows.preview", "windows.final", "windows.tokens", "estimate.resamples"]


@pytest.mark.parametrize("measure", AMOUNTS)
def test_too_little_evidence_is_incomplete_and_says_how_much_is_there(measure: str) -> None:
    floor = at_least(measure, "640")
    assert _judge(floor, _value("640")).verdict == "pass"
    short = _judge(floor, _value("639"))
    assert (short.verdict, short.margin, short.observed) == ("incomplete", "-1", "639")
    assert short.reason.startswith("too little evidence: 639 ")
    assert short.reason.endswith(" there, `>= 640` asked")
    above = Gate(measure=measure, level="require", relation=Interval(low="640", low_closed=False))
    assert _judge(above, _value("640")).verdict == "incomplete"
    assert _judge(above, _value("641")).verdict == "pass"
    assert _judge(between(measure, "128", "640"), _value("641")).verdict == "fail"


def test_amounts_are_what_the_catalogue_counts() -> None:
    counted = {
        name
        for name, measure in MEASURES.items()
        if measure.evidence in {"windows", "contract"} and measure.unit is not Unit.RATIO
    }
    assert counted == set(AMOUNTS)


def test_a_worse_subject_still_fails_below_its_floor() -> None:
    assert _judge(at_least("top1.agreement", "0.9"), _value("0.8", "0.7", "0.85")).verdict == "fail"


def test_open_bounds() -> None:
    def gate(closed: bool) -> Gate:
        relation = Interval(high="0.5", high_closed=closed)
        return Gate(measure="kl.p99", level="require", relation=relation)

    assert _judge(gate(closed=True), _value("0.5")).verdict == "pass"
    assert _judge(gate(closed=False), _value("0.5")).verdict == "fail"


def test_words_and_digests() -> None:
    gate = one_of("runtime.isolation", "sandbox")
    assert _judge(gate, Value("ok", words="sandbox")).verdict == "pass"
    result = _judge(gate, Value("ok", words="host"))
    assert (result.verdict, result.observed, result.unit) == ("fail", "host", "word")
    assert result.bound == "in {sandbox}"


@pytest.mark.parametrize(
    ("gate", "value"),
    [
        (one_of("runtime.isolation", "sandbox"), _value("1")),
        (one_of("kl.p99", "0.5"), _value("0.5")),
        (at_most("runtime.isolation", "1"), Value("ok", words="sandbox")),
        (at_most("unheard.of", "1"), _value("0")),
    ],
)
def test_a_gate_that_makes_no_sense_is_incomplete(gate: Gate, value: Value) -> None:
    assert _judge(gate, value).verdict == "incomplete"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_is_not_finite_never_passes(number: str) -> None:
    gate = at_least("kl.p99", "-1")
    assert _judge(gate, _value("0")).verdict == "pass"
    assert _judge(gate, _value(number)).verdict == "incomplete"
    ratio = at_least("perplexity.ratio", "0.5")
    assert _judge(ratio, _value("1", "0.9", "1.1")).verdict == "pass"
    assert _judge(ratio, _value("1", "0.9", number)).verdict == "incomplete"


def test_a_slice_or_family_that_is_absent_is_incomplete() -> None:
    gate = at_most("kl.p99", "0.5", on=target("code"))
    assert _judge(gate, _value("0.1"), key=Key("kl.p99", "slice", "code")).verdict == "pass"
    assert _judge(gate, _value("0.1")).verdict == "incomplete"
    assert _judge(gate, _value("0.1"), key=Key("kl.p99", "slice", "Code")).verdict == "incomplete"


def _families(**shifts: Value) -> Values:
    return Values({Key("spectral.shift", "family", name): v for name, v in shifts.items()})


@pytest.mark.parametrize(
    ("shifts", "verdict", "named"),
    [
        ({"attn": _value("0.01"), "ffn": _value("0.02")}, "pass", "ffn"),
        ({"attn": _value("0.2"), "ffn": _value("0.3")}, "fail", "ffn"),
        ({"attn": _value("0.2"), "ffn": Value("non_finite", reason="x")}, "fail", "attn"),
        ({"attn": _value("0.01"), "ffn": Value("missing", reason="x")}, "incomplete", "ffn"),
        ({}, "incomplete", "no family"),
    ],
)
def test_each_family_must_be_inside(shifts: dict[str, Value], verdict: str, named: str) -> None:
    gate = at_most("spectral.shift", "0.1", on=target("family", "each"))
    result = decide(_bar(gate), _families(**shifts)).gates[0]
    assert result.verdict == verdict
    assert named in result.reason


VERDICTS = ("pass", "fail", "inconclusive", "incomplete")


@pytest.mark.parametrize(("left", "right"), list(product(VERDICTS, VERDICTS)))
def test_the_gravest_wins(left: Any, right: Any) -> None:
    order = ["fail", "incomplete", "inconclusive", "pass"]
    assert gravest([left, right]) == order[min(order.index(left), order.index(right))]


def test_nothing_required_is_incomplete() -> None:
    value = Values({Key("kl.p99"): _value("0.1")})
    assert decide(_bar(), value).verdict == "incomplete"
    warn = at_most("kl.p99", "0.5", level="warn")
    assert decide(_bar(warn), value).verdict == "incomplete"
    assert decide(_bar(at_most("kl.p99", "0.5")), value).verdict == "pass"


# --- properties ----------------------------------------------------------------------------------

NUMBERS = st.integers(-30, 30).map(lambda n: Decimal(n).scaleb(-1))
NUMERIC = sorted(name for name, m in MEASURES.items() if m.kind is Kind.NUMBER)


@st.composite
def _intervals(draw: st.DrawFn) -> Interval:
    ends = sorted([draw(NUMBERS), draw(NUMBERS)])
    low, high = (None if draw(st.booleans()) else decimal_text(end) for end in ends)
    return Interval(
        low=low, low_closed=draw(st.booleans()), high=high, high_closed=draw(st.booleans())
    )


@st.composite
def _any_value(draw: st.DrawFn) -> Value:
    status = draw(st.sampled_from(["ok", "ok", "ok", "missing", "non_finite", "too_few"]))
    if status in {"missing", "non_finite"}:
        return Value(status, reason="why")
    low, point, high = sorted(draw(st.tuples(NUMBERS, NUMBERS, NUMBERS)))
    if status == "too_few" or draw(st.booleans()):
        return Value(status, point, exact=draw(st.booleans()))
    return Value(status, point, low, high, exact=draw(st.booleans()))


def _tighter(draw: st.DrawFn, wide: Interval) -> Interval:
    """A random interval inside ``wide``."""
    changes: dict[str, Any] = {}
    low = None if wide.low is None else Decimal(wide.low)
    high = None if wide.high is None else Decimal(wide.high)
    step = abs(draw(NUMBERS))
    if draw(st.booleans()):
        changes["low"] = decimal_text((Decimal(-4) if low is None else low) + step)
    if draw(st.booleans()):
        changes["high"] = decimal_text((Decimal(4) if high is None else high) - step)
    for name in ("low_closed", "high_closed"):
        if draw(st.booleans()):
            changes[name] = False
    return replace(wide, **changes)


@given(data=st.data(), measure=st.sampled_from(NUMERIC))
def test_tightening_never_makes_a_gate_pass(data: st.DataObject, measure: str) -> None:
    value = data.draw(_any_value())
    wide = data.draw(_intervals())
    narrow = st.composite(lambda draw: _tighter(draw, wide))
    statistic: Any = data.draw(st.sampled_from(["estimate", "point"]))

    def verdict(relation: Interval) -> str:
        gate = Gate(measure=measure, level="require", relation=relation, statistic=statistic)
        return decide(_bar(gate), Values({Key(measure): value})).verdict

    if verdict(data.draw(narrow())) == "pass":
        assert verdict(wide) == "pass"


@given(st.sets(st.sampled_from(["a", "b", "c"]), min_size=1), st.sampled_from(["a", "b", "c"]))
def test_a_smaller_set_never_makes_a_gate_pass(allowed: set[str], word: str) -> None:
    value = Values({Key("data.digest"): Value("ok", words=word)})

    def verdict(words: set[str]) -> str:
        return decide(_bar(one_of("data.digest", *words)), value).verdict

    for left_out in allowed:
        if len(allowed) > 1 and verdict(allowed - {left_out}) == "pass":
            assert verdict(allowed) == "pass"


@given(
    measure=st.sampled_from(sorted(MEASURES)),
    status=st.sampled_from(["missing", "non_finite"]),
    relation=st.one_of(_intervals(), st.just(Member(values=("off", "sandbox", "yes")))),
    statistic=st.sampled_from(["estimate", "point"]),
    on=st.sampled_from([None, target("code"), target("ffn", "family"), target("family", "each")]),
)
def test_missing_and_non_finite_never_pass(
    measure: str,
    status: Status,
    relation: Interval | Member,
    statistic: Literal["estimate", "point"],
    on: Target | None,
) -> None:
    gate = Gate(measure=measure, level="require", relation=relation, statistic=statistic, target=on)
    items = {
        Key(measure): Value(status),
        Key(measure, "slice", "code"): Value(status),
        Key(measure, "family", "ffn"): Value(status),
    }
    assert decide(_bar(gate), Values(items)).verdict == "incomplete"
    assert decide(_bar(gate), Values()).verdict == "incomplete"


@given(gates=st.lists(_any_value(), min_size=1, max_size=4), value=_any_value())
def test_a_warning_never_changes_the_verdict(gates: list[Value], value: Value) -> None:
    required = [at_most("kl.p99", "0.5", on=target(f"s{index}")) for index in range(len(gates))]
    items = {Key("kl.p99", "slice", f"s{index}"): v for index, v in enumerate(gates)}
    warn = at_least("top1.agreement", "0.5", level="warn")
    with_warning = decide(_bar(*required, warn), Values({**items, Key("top1.agreement"): value}))
    assert with_warning.verdict == decide(_bar(*required), Values(items)).verdict


@given(value=_any_value(), relation=_intervals(), measure=st.sampled_from(NUMERIC))
def test_a_margin_is_positive_only_inside(value: Value, relation: Interval, measure: str) -> None:
    gate = Gate(measure=measure, level="require", relation=relation)
    result = decide(_bar(gate), Values({Key(measure): value})).gates[0]
    if result.margin is None:
        bounded = relation.low is not None or relation.high is not None
        assert result.verdict in {"incomplete", "inconclusive"} or not bounded
        return
    margin = Decimal(result.margin)
    assert margin >= 0 if result.verdict == "pass" else True
    assert margin <= 0 if result.verdict == "fail" else True
    assert "\n" not in result.reason


# --- the signature -------------------------------------------------------------------------------

KEY = KeySigner(key="sha256:" + "ab" * 32)
OTHER = KeySigner(key="sha256:" + "cd" * 32)


def _signature_gates() -> tuple[Gate, Gate]:
    by = Gate(measure="signature.by", level="require", relation=Signers(rules=(KEY,)))
    return by, one_of("signature.log", "yes")


def test_a_pending_signature_has_no_part_in_the_verdict() -> None:
    ratio = at_most("perplexity.ratio", "1.1", statistic="point")
    bar = _bar(ratio, *_signature_gates())
    for point, wanted in (("1", "pass"), ("2", "fail")):
        found = decide(bar, Values({Key("perplexity.ratio"): _value(point)}).also(PENDING))
        assert found.verdict == wanted
        assert [gate.verdict for gate in found.gates] == [wanted, "pending", "pending"]
        assert found.pending == ("signature.by", "signature.log")


def test_signature_gates_alone_are_incomplete_until_they_are_decided() -> None:
    bar = _bar(*_signature_gates())
    assert decide(bar, Values(PENDING)).verdict == "incomplete"
    assert decide(bar, Values()).verdict == "incomplete"
    assert decide(bar, Values()).pending == ()
    assert decide(bar, Values(signature_values({KEY: True}, bar))).verdict == "pass"
    assert decide(bar, Values(signature_values({OTHER: True}, bar))).verdict == "fail"
    assert decide(bar, Values(signature_values({KEY: False}, bar))).verdict == "fail"
    # The log entry of a signer that the bar does not allow is not that of one that it does.
    assert decide(bar, Values(signature_values({OTHER: True, KEY: False}, bar))).verdict == "fail"
    assert decide(bar, Values(signature_values({}, bar))).verdict == "fail"


@pytest.mark.parametrize("measure", ["perplexity.ratio", "windows.final", "top1.agreement"])
def test_nothing_but_a_signature_can_be_pending(measure: str) -> None:
    open_value = Value("pending", Decimal(1), Decimal(1), Decimal(1))
    assert _judge(at_least(measure, "0.5"), open_value).verdict == "incomplete"
    settled = replace(open_value, status="ok")
    assert _judge(at_least(measure, "0.5"), settled).verdict == "pass"


# --- values that cannot be -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gate", "impossible", "possible"),
    [
        (at_least("top1.agreement", "0.5"), "1.5", "1"),
        (at_most("kl.mean", "0.5"), "-0.1", "0"),
        (at_most("perplexity.ratio", "1.1"), "0", "0.1"),
        (at_most("spectral.shift", "1"), "-1", "0"),
        (at_least("windows.final", "4"), "4.5", "5"),
        (at_least("estimate.resamples", "200"), "100001", "100000"),
        (at_most("estimate.resamples", "200"), "99", "100"),
    ],
)
def test_a_value_that_the_measure_cannot_take_is_incomplete(
    gate: Gate, impossible: str, possible: str
) -> None:
    assert _judge(gate, _value(impossible, impossible, impossible)).verdict == "incomplete"
    assert _judge(gate, _value(possible, possible, possible)).verdict == "pass"
    ends = Value("ok", Decimal(possible), Decimal(possible), Decimal(impossible))
    if MEASURES[gate.measure].interval:
        assert _judge(gate, ends).verdict == "incomplete"


def test_a_value_that_was_rounded_onto_an_open_end_stands() -> None:
    tiny = _value("0", "0", "0", exact=False)
    assert _judge(at_most("perplexity.ratio", "1.1"), tiny).verdict == "pass"
