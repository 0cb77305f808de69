"""Guards on weights: always subject against baseline, and never blind to what is absent."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from invarlock.evidence.schema import Tensor
from invarlock.judge import Key, Value
from invarlock.judge.spectra import invariant_values, shifts, spectral_values, worst
from tests.builders import Synthetic, make_tensors

EVIDENCE = Synthetic().evidence()
TENSORS = make_tensors()
ATTN = "model.layers.0.self_attn.q_proj.weight"


def _with(subject: tuple[Tensor, ...], baseline: tuple[Tensor, ...] = TENSORS) -> Any:
    return replace(EVIDENCE, tensors={"baseline": baseline, "subject": subject})


def _changed(name: str, **update: Any) -> tuple[Tensor, ...]:
    assert any(tensor.name == name for tensor in TENSORS)
    return tuple(t.model_copy(update=update) if t.name == name else t for t in TENSORS)


def _shift(values: dict[Key, Value], family: str | None = None) -> Value:
    measure = "spectral.shift"
    return values[Key(measure) if family is None else Key(measure, "family", family)]


@pytest.mark.parametrize("by", [-250_000_000, 250_000_000])
def test_the_largest_shift_by_family_and_over_all(by: int) -> None:
    values = spectral_values(_with(_changed(ATTN, log_sigma=-300_000_000 + by)))
    assert _shift(values).point == Decimal("0.25")
    assert _shift(values, "attn").point == Decimal("0.25")
    assert _shift(values, "ffn").point == 0
    assert ATTN in _shift(values).reason
    assert Key("spectral.shift", "family", "other") not in values


def test_vectors_have_no_spectrum() -> None:
    assert [shift.name for shift in shifts(EVIDENCE)] == sorted(t.name for t in TENSORS[:3])


@pytest.mark.parametrize(
    ("update", "status"),
    [
        ({"spectrum": "non_finite", "log_sigma": None, "non_finite": 1}, "non_finite"),
        ({"spectrum": "zero", "log_sigma": None}, "non_finite"),
        ({"spectrum": "vector", "log_sigma": None, "shape": (8,)}, "missing"),
    ],
)
def test_what_cannot_be_compared_is_never_ok(update: dict[str, Any], status: str) -> None:
    for evidence in (_with(_changed(ATTN, **update)), _with(TENSORS, _changed(ATTN, **update))):
        values = spectral_values(evidence)
        assert _shift(values).status == status
        assert _shift(values, "attn").status == status
        assert _shift(values, "ffn").status == "ok"
        assert ATTN in _shift(values).reason


def test_zero_in_both_arms_did_not_move() -> None:
    zero = _changed(ATTN, spectrum="zero", log_sigma=None)
    assert _shift(spectral_values(_with(zero, zero)), "attn") == Value(
        "ok", Decimal(0), reason=f"largest in `{ATTN}`"
    )


def test_a_matrix_in_one_arm_alone_is_missing_and_counts_as_structure() -> None:
    fewer = tuple(tensor for tensor in TENSORS if tensor.name != ATTN)
    for evidence in (_with(fewer), _with(TENSORS, fewer)):
        assert _shift(spectral_values(evidence), "attn").status == "missing"
        structure = invariant_values(evidence)[Key("invariants.structure")]
        assert structure.point == 1
        assert ATTN in structure.reason


def test_reshaped_counts_and_another_dtype_does_not() -> None:
    reshaped = invariant_values(_with(_changed(ATTN, shape=(8, 16))))
    assert reshaped[Key("invariants.structure")].point == 1
    retyped = invariant_values(_with(_changed(ATTN, dtype="BF16")))
    assert retyped[Key("invariants.structure")].point == 0


def test_non_finite_counts_the_subjects_numbers_alone() -> None:
    broken = _changed(ATTN, spectrum="non_finite", log_sigma=None, non_finite=3)
    key = Key("invariants.non_finite")
    found = invariant_values(_with(broken))[key]
    assert (found.point, found.reason) == (3, f"in `{ATTN}`")
    baseline = invariant_values(_with(TENSORS, broken))[key]
    assert (baseline.point, baseline.reason) == (0, "the baseline itself holds 3")


def test_an_arm_without_tensors_gives_nothing() -> None:
    assert invariant_values(_with(())) == {}
    assert invariant_values(_with((), ())) == {}
    assert spectral_values(_with((), ())) == {}


def test_worst_prefers_what_cannot_be_compared() -> None:
    found = shifts(_with(_changed(ATTN, spectrum="zero", log_sigma=None)))
    shift = worst(found)
    assert shift is not None
    assert shift.name == ATTN
    assert worst([]) is None
