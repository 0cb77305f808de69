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
    ("perplexity.ratio <= 1.1", "windows.final <= 7", "windows.final <= 8"),
    ("perplexity.ratio.point <= 1.1", "windows.final < 1", "windows.final <= 1"),
    ('kl.p99 on "x" <= 1', 'windows.final on "x" < 1', 'windows.final on "x" <= 1'),
    ("perplexity.drift <= 1.1", "windows.preview < 1", "windows.preview <= 1"),
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
]


@st.composite
def _evidence(draw: st.DrawFn) -> dict[Key, Value]:
    """Values that could come from evidence: they keep to what the catalogue declares."""
    small = st.integers(0, 8).map(lambda n: Decimal(n) / 4)
    tails = zip(TAILS, sorted(draw(small) for _ in TAILS), strict=True)
    families = {name: draw(small) for name in FAMILY}
    slices = {name: draw(st.integers(0, 4)) for name in SLICE}
    final = sum(slices.values()) + draw(st.integers(0, 2))
    # Without windows there is no percentile of them.
    found = {Key(name): Value("ok", tail) for name, tail in tails if final}
    found[Key("spectral.shift")] = Value("ok", max(families.values()))
    for name, shift in families.items():
        found[Key("spectral.shift", "family", name)] = Value("ok", shift)
    for key, windows in [(None, final), *slices.items()]:
        about: tuple[Literal["all", "slice"], str] = ("slice", key) if key else ("all", "")
        found[Key("windows.final", *about)] = Value("ok", Decimal(windows))
        found[Key("windows.tokens", *about)] = Value("ok", Decimal(windows * 7))
    return found


@given(
    st.lists(st.sampled_from(KEYS), min_size=2, max_size=5, unique=True),
    st.lists(st.tuples(st.booleans(), st.integers(0, 9)), min_size=5, max_size=5),
    _evidence(),
)
def test_no_evidence_passes_a_bar_that_is_called_impossible(
    keys: list[tuple[str, Target | None]],
    bounds: list[tuple[bool, int]],
    values: dict[Key, Value],
) -> None:
    gates = {}
    for (measure, on), (upper, number) in zip(keys, bounds, strict=False):
        scale = 28 if measure == "windows.tokens" else 1 if measure == "windows.final" else 4
        bound = decimal_text(Decimal(number) / 4 if scale == 4 else Decimal(number * scale))
        relation = Interval(high=bound) if upper else Interval(low=bound)
        gate = Gate(measure=measure, target=on, level="require", relation=relation)
        gates[gate.id] = gate
    settings = {"windows.length": "8"}
    bar = BarIR(task="causal_lm", settings=settings, gates=tuple(gates.values()))
    verdict = decide(bar, Values(values)).verdict
    event(verdict)
    if verdict == "pass":
        assert list(conflicts(gates, settings)) == []


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
        assert measure.at_least in {"", *MEASURES}


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
