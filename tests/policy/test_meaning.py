"""What is valid statement by statement and makes no sense together: E119, E120, E121."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from invarlock.canonical import decimal_text
from invarlock.judge import Key, Value, Values, decide
from invarlock.policy import Diagnostic
from invarlock.policy.catalogue import MEASURES
from invarlock.policy.contradict import conflicts
from invarlock.policy.ir import BarIR, Gate, Interval, Target
from invarlock.policy.redundant import implications
from tests.policy.support import HEAD, compiled, errors, policy

LENGTH = "windows.length = 128\n"


def warned(text: str, code: str) -> list[Diagnostic]:
    return [found for found in compiled(text).warnings if found.code == code]


def lines(found: Diagnostic) -> tuple[int, int | None]:
    return found.span.line, None if found.other is None else found.other.line


# --- nothing can pass ----------------------------------------------------------------------------

# two gates on lines 5 and 6 that contradict each other, and the second one mended
IMPOSSIBLE = [
    ("windows.tokens >= 1_000 tokens", "windows.final <= 7", "windows.final <= 8"),
    ("windows.final >= 9", "windows.tokens <= 1_100 tokens", "windows.tokens <= 1_200"),
    ("windows.final >= 100", 'windows.final on "x" >= 9', None),
    ("windows.final <= 100", 'windows.final on "x" >= 101', 'windows.final on "x" >= 100'),
    ("windows.final <= 100", 'windows.tokens on "x" >= 12_800', 'windows.tokens on "x" >= 12_700'),
    ('windows.tokens on "x" >= 2_000', 'windows.final on "x" <= 15', 'windows.final on "x" <= 16'),
    ("perplexity.tail.p50 >= 0.2", "perplexity.tail.p99 <= 0.1", "perplexity.tail.p99 <= 0.2"),
    ("perplexity.tail.p95 > 0.2", "perplexity.tail.p99 <= 0.2", "perplexity.tail.p99 <= 0.3"),
    ("perplexity.tail.p95 > 0.2", 'perplexity.tail.p99 on "x" <= 0.2', None),
    ("spectral.shift <= 0.1", "spectral.shift on attn >= 0.2", "spectral.shift on attn >= 0.1"),
    ("spectral.shift >= 0.2", "spectral.shift on each family <= 0.1", None),
    (
        "spectral.shift on attn >= 0.2",
        "spectral.shift on each family <= 0.1",
        "spectral.shift on each family <= 0.2",
    ),
    ("perplexity.ratio <= 1.1", "windows.final <= 15", "windows.final <= 16"),
    ("perplexity.ratio.point <= 1.1", "windows.final <= 7", "windows.final <= 8"),
    ('kl.p99 on "x" <= 1', 'windows.final on "x" <= 7', 'windows.final on "x" <= 8'),
    ("perplexity.drift <= 1.1", "windows.preview < 1", "windows.preview <= 1"),
    ("delta_p.rms <= 4 pp", "delta_p.mean >= 5 pp", "delta_p.mean >= 4 pp"),
    ("delta_p.rms < 4 pp", "delta_p.mean.point <= -4 pp", "delta_p.mean.point <= -3 pp"),
    ("delta_p.mean in [-9 pp, -5 pp]", "delta_p.rms <= 4 pp", "delta_p.rms <= 5 pp"),
]


@pytest.mark.parametrize(("first", "second", "mended"), IMPOSSIBLE)
def test_gates_that_contradict_each_other_are_both_named(
    first: str, second: str, mended: str | None
) -> None:
    tier = "require invariants.structure == 0"
    both = policy(f"{LENGTH}require {first}\nrequire {second}", tier)
    found = [each for each in errors(both) if each.code == "E120"]
    if mended is None:
        possible = second in {'windows.final on "x" >= 9', 'perplexity.tail.p99 on "x" <= 0.2'}
        assert bool(found) is not possible
    else:
        (only,) = found
        assert set(lines(only)) == {5, 6}
        assert f"on line {only.other.line if only.other else 0}" in only.message
        assert errors(both.replace(second, mended)) == []
    assert errors(policy(f"{LENGTH}warn {first}\nwarn {second}", tier)) == []


def test_slices_have_no_window_in_common() -> None:
    slices = "".join(f'require windows.final on "s{n}" >= 40\n' for n in range(3))
    (found,) = errors(policy(slices + "require windows.final <= 119"))
    assert found.code == "E120"
    assert "with the other slices 120" in found.message
    assert errors(policy(slices + "require windows.final <= 120")) == []


def test_a_number_of_tokens_that_no_windows_have() -> None:
    (found,) = errors(policy(f"{LENGTH}require windows.tokens == 10_000"))
    assert (found.code, found.other) == ("E120", None)
    assert errors(policy(f"{LENGTH}require windows.tokens == 10_160")) == []


def test_a_contradiction_of_tier_and_profile_is_said_once() -> None:
    text = policy(
        "require perplexity.tail.p50 >= 0.2",
        "require kl.mean <= 1",
        "tier u { require kl.mean <= 2 }\nprofile p { require perplexity.tail.p99 <= 0.1 }",
    )
    (found,) = errors(text)
    assert (found.code, set(lines(found))) == ("E120", {9, 4})


TAILS = tuple(f"perplexity.tail.p{p}" for p in (50, 90, 95, 99))
FAMILY = {name: Target(kind="family", name=name) for name in ("attn", "ffn")}
SLICE = {name: Target(kind="slice", name=name) for name in ("a", "b")}
KEYS: list[tuple[str, Target | None]] = [
    *((name, None) for name in TAILS),
    *(
        ("spectral.shift", on)
        for on in (None, *FAMILY.values(), Target(kind="each", name="family"))
    ),
    *((name, on) for name in ("windows.final", "windows.tokens") for on in (None, *SLICE.values())),
    ("delta_p.rms", None),
    ("delta_p.mean", None),
    ("kl.p99", SLICE["a"]),
    ("kl.mean", SLICE["b"]),
]


@st.composite
def _evidence(draw: st.DrawFn) -> dict[Key, Value]:
    """Values that could come from evidence: they keep to what the catalogue declares."""
    small = st.integers(0, 8).map(lambda n: Decimal(n) / 4)
    tails = zip(TAILS, sorted(draw(small) for _ in TAILS), strict=True)
    families = {name: draw(small) for name in FAMILY}
    slices = {name: draw(st.integers(0, 9)) for name in SLICE}
    final = sum(slices.values()) + draw(st.integers(0, 2))
    # Without windows there is no percentile of them, and of a few none that says anything.
    found = {Key(name): _of(name, final, tail) for name, tail in tails if final}
    found[Key("spectral.shift")] = Value("ok", max(families.values()))
    for name, shift in families.items():
        found[Key("spectral.shift", "family", name)] = Value("ok", shift)
    for key, windows in [(None, final), *slices.items()]:
        about: tuple[Literal["all", "slice"], str] = ("slice", key) if key else ("all", "")
        found[Key("windows.final", *about)] = Value("ok", Decimal(windows))
        found[Key("windows.tokens", *about)] = Value("ok", Decimal(windows * 7))
    rms = draw(small)
    mean = rms * draw(st.integers(-4, 4)) / 4
    found[Key("delta_p.rms")] = _of("delta_p.rms", final, rms)
    reach = draw(small)
    found[Key("delta_p.mean")] = _of("delta_p.mean", final, mean, mean - reach, mean + reach)
    if slices["a"]:
        found[Key("kl.p99", "slice", "a")] = _of("kl.p99", slices["a"], draw(small))
    if slices["b"]:
        mean = draw(small)
        few = slices["b"] < 8  # every window is a document of its own
        limits = (None, None) if few else (mean, mean)
        found[Key("kl.mean", "slice", "b")] = Value("too_few" if few else "ok", mean, *limits)
    return found


def _of(measure: str, windows: int, *numbers: Decimal) -> Value:
    """A value of so many windows."""
    return Value("ok" if windows >= MEASURES[measure].minimum else "too_few", *numbers)


def _gates(
    keys: list[tuple[str, Target | None]],
    bounds: list[tuple[bool, int]],
    statistic: Literal["estimate", "point"] = "estimate",
) -> dict[str, Gate]:
    gates = {}
    for (measure, on), (upper, number) in zip(keys, bounds, strict=False):
        scale = {"windows.tokens": Decimal(7), "windows.final": Decimal(1)}.get(measure)
        bound = decimal_text(number * (scale or Decimal("0.25")))
        if measure == "delta_p.mean" and not upper:
            bound = decimal_text(-Decimal(bound))
        relation = Interval(high=bound) if upper else Interval(low=bound)
        chosen = statistic if measure == "delta_p.mean" else "estimate"
        gate = Gate(
            measure=measure, statistic=chosen, target=on, level="require", relation=relation
        )
        gates[gate.id] = gate
    return gates


BARS = {
    "keys": st.lists(st.sampled_from(KEYS), min_size=2, max_size=5, unique=True),
    "bounds": st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=5, max_size=5),
}
SETTINGS = {"windows.length": "8", "windows.content": "text", "estimate.minimum": "8"}


@given(**BARS, values=_evidence())
def test_no_evidence_passes_a_bar_that_is_called_impossible(
    keys: list[tuple[str, Target | None]],
    bounds: list[tuple[bool, int]],
    values: dict[Key, Value],
) -> None:
    gates = _gates(keys, bounds)
    bar = BarIR(task="causal_lm", settings=SETTINGS, gates=tuple(gates.values()))
    verdict = decide(bar, Values(values)).verdict
    event(verdict)
    if verdict == "pass":
        assert list(conflicts(gates, SETTINGS, "causal_lm")) == []


# --- redundant -----------------------------------------------------------------------------------


def test_a_gate_like_the_one_it_refines_is_redundant() -> None:
    text = policy("", "require kl.mean <= 1", "tier u refines t {\n require kl.mean <= 1.0\n}")
    (found,) = warned(text, "E119")
    assert lines(found) == (9, 6)
    without = text.replace(" require kl.mean <= 1.0\n", "")
    assert compiled(without).ir.digest == compiled(text).ir.digest
    assert warned(without, "E119") == []
    assert warned(text.replace("<= 1.0", "<= 0.9"), "E119") == []
    raised = policy(
        "require kl.p99 <= 1", "warn kl.mean <= 1", "tier u refines t { require kl.mean <= 1 }"
    )
    assert warned(raised, "E119") == []
    counted = policy("require windows.final > 8", "require windows.final >= 9")
    assert len(warned(counted, "E119")) == 1


def test_a_profile_gate_that_tightens_no_tier_is_redundant() -> None:
    tiers = "tier u refines t { require kl.mean <= 0.5 }\n"
    profile = "profile p { require kl.mean <= 1; require windows.final >= 9 }"
    text = policy("", "require kl.mean <= 0.9", tiers + profile)
    (found,) = warned(text, "E119")
    assert lines(found) == (9, 6)
    assert "tightens no tier" in found.message
    assert compiled(text.replace("require kl.mean <= 1;", "")).ir.digest == compiled(text).ir.digest
    tightens_one = policy("", "require kl.mean <= 1.1", tiers + profile)
    assert warned(tightens_one, "E119") == []


@pytest.mark.parametrize(
    ("by", "implied", "not_implied"),
    [
        ("perplexity.tail.p99 <= 0.1", "perplexity.tail.p50 <= 0.2", "perplexity.tail.p50 <= 0.09"),
        ("perplexity.tail.p50 >= 0.1", "perplexity.tail.p90 >= 0.1", "perplexity.tail.p90 >= 0.2"),
        (
            'perplexity.tail.p99 on "x" <= 0.1',
            'perplexity.tail.p95 on "x" <= 0.1',
            'perplexity.tail.p95 on "y" <= 0.1',
        ),
        ("spectral.shift <= 0.1", "spectral.shift on attn <= 0.1", "spectral.shift on attn < 0.1"),
        (
            "spectral.shift <= 0.1",
            "spectral.shift on each family <= 0.2",
            "spectral.shift on each family <= 0.01",
        ),
        (
            "spectral.shift on each family <= 0.1",
            "spectral.shift on ffn <= 0.1",
            "spectral.shift on ffn <= 0.05",
        ),
    ],
)
def test_a_gate_that_another_key_implies_is_redundant(
    by: str, implied: str, not_implied: str
) -> None:
    text = policy(f"require {by}\nrequire {implied}")
    (found,) = warned(text, "E119")
    assert lines(found) == (5, 4)
    assert warned(text.replace(implied, not_implied), "E119") == []
    assert warned(text.replace(f"require {by}", f"warn {by}"), "E119") == []
    assert len(warned(text.replace(f"require {implied}", f"warn {implied}"), "E119")) == 1


def test_what_is_implied_under_a_profile_alone_is_not_redundant() -> None:
    text = policy(
        "require perplexity.tail.p50 <= 0.2",
        rest="profile p { require perplexity.tail.p99 <= 0.1 }",
    )
    assert warned(text, "E119") == []


def test_counts_follow_from_one_another_at_any_near_length() -> None:
    def found(*gates: str) -> list[tuple[int, int | None]]:
        both = LENGTH + "\n".join(f"require {gate}" for gate in gates)
        return [lines(each) for each in warned(policy(both), "E119")]

    # 127 tokens a window; 63 at half the length, 255 at twice.
    assert found("windows.final >= 100", "windows.tokens >= 6_300") == [(6, 5)]
    assert found("windows.final >= 100", "windows.tokens >= 6_301") == []
    assert found("windows.tokens >= 25_500", "windows.final >= 100") == [(6, 5)]
    assert found("windows.tokens >= 25_500", "windows.final >= 101") == []
    assert found("windows.final <= 100", "windows.tokens <= 25_500") == [(6, 5)]
    assert found("windows.final <= 100", "windows.tokens <= 25_499") == []
    # Each implies the other: one of them can go, and it is the tokens.
    assert found("windows.final >= 1", "windows.tokens >= 1") == [(6, 5)]
    assert found("windows.tokens >= 1", "windows.final >= 1") == [(5, 6)]
    assert found('windows.final on "x" >= 9', "windows.tokens >= 1") == []


@pytest.mark.parametrize(
    ("floor", "more", "taker"),
    [
        ('windows.final on "x" >= 16', 'windows.final on "x" >= 17', 'kl.mean on "x" <= 1'),
        ('windows.final on "x" >= 8', 'windows.final on "x" >= 9', 'kl.mean.point on "x" <= 1'),
        ('windows.tokens on "x" >= 504', 'windows.tokens on "x" >= 505', 'kl.p99 on "x" <= 1'),
        ('windows.final on "x" >= 16', 'windows.final on "y" >= 16', 'kl.mean on "x" <= 1'),
        # The schedule is drawn from floors on the whole: they are never redundant that way.
        ('windows.final on "x" >= 16', "windows.final >= 16", "perplexity.ratio <= 1.1"),
    ],
)
def test_a_slice_that_is_judged_has_windows(floor: str, more: str, taker: str) -> None:
    text = policy(f"{LENGTH}require {floor}", "require invariants.structure == 0\n")
    first = taker if '"x"' in taker else f'{taker}\nrequire kl.mean on "x" <= 1'
    judged = text.replace("tier t", f"require {first}\ntier t")
    assert [found.span.line for found in warned(judged, "E119")] == [5]
    assert warned(text, "E119") == []
    assert warned(judged.replace(floor, more), "E119") == []


def test_a_mean_is_implied_by_its_root_mean_square_as_a_point_alone() -> None:
    text = policy("require delta_p.rms <= 5 pp\nrequire delta_p.mean.point >= -5 pp")
    (found,) = warned(text, "E119")
    assert lines(found) == (5, 4)
    assert warned(text.replace(".point", ""), "E119") == []
    assert warned(text.replace("-5", "-4"), "E119") == []
    assert warned(text.replace("-5 pp", "-4 pp").replace("<= 5", "< 4"), "E119") != []


@given(**BARS, values=_evidence())
def test_what_is_called_implied_passes_with_what_implies_it(
    keys: list[tuple[str, Target | None]],
    bounds: list[tuple[bool, int]],
    values: dict[Key, Value],
) -> None:
    gates = _gates(keys, bounds, "point")
    for pair in implications(gates, SETTINGS, "causal_lm"):
        verdicts = [
            decide(BarIR(task="causal_lm", settings=SETTINGS, gates=(gate,)), Values(values))
            for gate in (pair.by, pair.gate)
        ]
        event(verdicts[0].verdict)
        assert verdicts[0].verdict != "pass" or verdicts[1].verdict == "pass"


def test_signers_covered_within_one_set_are_redundant() -> None:
    glob = 'repository = "r"; workflow = "w"; issuer = "i"'
    signers = (
        f'signer wide {{ {glob}; ref = "refs/tags/*" }}\n'
        f'signer narrow {{ {glob}; ref = "refs/tags/v1" }}\n'
        f'signer other {{ {glob}; ref = "refs/heads/main" }}\n'
        f'signer again {{ {glob}; ref = "refs/tags/*" }}\n'
    )
    text = policy("require signature.by in {narrow, other, wide, again}", rest=signers)
    covered, twice = warned(text, "E119")
    assert (covered.span.column, covered.other and covered.other.column) == (26, 41)
    assert covered.message == "`wide` in the same set allows everyone whom `narrow` allows"
    assert (twice.span.column, twice.other and twice.other.column) == (47, 41)
    less = text.replace("narrow, other, wide, again", "other, wide")
    assert compiled(less).ir.digest == compiled(text).ir.digest
    assert warned(less, "E119") == []


# --- words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weak", "strong"),
    [
        ("runtime.isolation in {host}", "runtime.isolation in {sandbox}"),
        ("runtime.network == on", "runtime.network == off"),
        ("tokenizer.same == no", "tokenizer.same == yes"),
        ("signature.log == no", "signature.log == yes"),
    ],
)
def test_a_weaker_word_without_the_stronger_one_is_warned_of(weak: str, strong: str) -> None:
    (found,) = warned(policy(f"require {weak}"), "E121")
    assert found.span.line == 4
    assert warned(policy(f"require {strong}"), "E121") == []


def test_a_set_of_all_words_never_fails() -> None:
    text = policy("require runtime.isolation in {host, sandbox}")
    assert [found.span.line for found in warned(text, "E119")] == [4]
    assert warned(text.replace("host, ", ""), "E119") == []
    # One word alone says where the numbers come from, and more may come.
    assert warned(policy("require evidence.origin == measured"), "E119") == []


def test_the_order_of_words_is_declared_of_known_words() -> None:
    for measure in MEASURES.values():
        for weak, strong in measure.order:
            assert {weak, strong} <= set(measure.words)
        assert {measure.at_least, measure.within} <= {"", *MEASURES}


# --- units ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("delta_p.rms <= 5%", "did you mean `5 pp`?"),
        ("delta_p.mean >= -1", "did you mean `-1 pp`?"),
        ("perplexity.ratio <= 5 pp", "percentage points are a difference"),
        ("spectral.shift <= 3 bytes", "such as `0.05 nats`"),
        ("spectral.shift <= 3 nat", "did you mean `3 nats`?"),
        ("windows.tokens >= 9 windows", "a whole number of `tokens`"),
        ("windows.final >= 9 window", "did you mean `9 windows`?"),
    ],
)
def test_another_unit_is_told_with_how_to_write_it(written: str, hint: str) -> None:
    (found,) = errors(HEAD + f"tier t {{ require {written} }}")
    assert found.code == "E103"
    assert hint in found.hint
