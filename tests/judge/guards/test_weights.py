"""Guards on weights: always subject against baseline, and never blind to what is absent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from invarlock.evidence.schema import NORM_LIMIT, Contract, Tensor
from invarlock.judge import Key, Value
from invarlock.judge.guards import weight_values
from invarlock.judge.guards.pairs import worst
from invarlock.judge.guards.spectral import shifts
from tests.builders import STILL, Synthetic, make_subject_tensors, make_tensor, make_tensors

EVIDENCE = Synthetic().evidence()
BASELINE = make_tensors()
SUBJECT = make_subject_tensors()
ATTN = "model.layers.0.self_attn.q_proj.weight"
FFN = "model.layers.0.mlp.up_proj.weight"
NORM = "model.norm.weight"
NOTHING: dict[str, Any] = {"log_sigma": None, "log_norm": None, "outliers": None}
BROKEN = {**NOTHING, "spectrum": "non_finite", "non_finite": 3, "drift": None}
ZERO = {**NOTHING, "spectrum": "zero"}
SPECTRAL = ("spectral.shift", "spectral.stable_rank", "rmt.outliers")
DRIFTING = ("spectral.rows", "spectral.columns", "rows.norm", "rows.turned")


def evidence_with(subject: Sequence[Tensor], baseline: Sequence[Tensor] = BASELINE) -> Any:
    return replace(EVIDENCE, tensors={"baseline": tuple(baseline), "subject": tuple(subject)})


def values(subject: Sequence[Tensor], baseline: Sequence[Tensor] = BASELINE) -> dict[Key, Value]:
    contract: Contract = EVIDENCE.header.contract
    return weight_values(evidence_with(subject, baseline), contract)


def changed(tensors: Sequence[Tensor], name: str, **update: Any) -> tuple[Tensor, ...]:
    assert any(tensor.name == name for tensor in tensors)
    return tuple(t.model_copy(update=update) if t.name == name else t for t in tensors)


def drifting(name: str, **update: int) -> dict[Key, Value]:
    drift = STILL.model_copy(update=update)
    return values(changed(SUBJECT, name, drift=drift))


def of(found: dict[Key, Value], measure: str, family: str | None = None) -> Value:
    return found[Key(measure) if family is None else Key(measure, "family", family)]


def test_identical_weights_are_at_the_null_of_every_measure() -> None:
    found = values(SUBJECT)
    assert {value.status for value in found.values()} == {"ok"}
    assert {value.point for value in found.values()} == {0}


@pytest.mark.parametrize("by", [-250_000_000, 250_000_000])
def test_the_largest_shift_by_family_and_over_all(by: int) -> None:
    found = values(changed(SUBJECT, ATTN, log_sigma=-300_000_000 + by))
    assert of(found, "spectral.shift").point == Decimal("0.25")
    assert of(found, "spectral.shift", "attn").point == Decimal("0.25")
    assert of(found, "spectral.shift", "ffn").point == 0
    assert ATTN in of(found, "spectral.shift").reason
    assert Key("spectral.shift", "family", "other") not in found


@pytest.mark.parametrize("by", [-40_000_000, 40_000_000])
def test_stable_rank_is_twice_the_norm_against_sigma(by: int) -> None:
    found = values(changed(SUBJECT, ATTN, log_norm=200_000_000 + by))
    assert of(found, "spectral.stable_rank", "attn").point == Decimal("0.08")
    assert of(found, "spectral.shift").point == 0


def test_norms_that_collapse_count_and_norms_that_grow_do_not() -> None:
    found = drifting(FFN, row_low=-700_000_000, row_high=900_000_000, column_low=-50_000_000)
    assert of(found, "spectral.rows", "ffn").point == Decimal("0.7")
    assert of(found, "spectral.columns", "ffn").point == Decimal("0.05")
    assert of(found, "rows.norm", "ffn").point == Decimal("0.9")
    grown = drifting(FFN, row_low=100_000_000, row_high=100_000_000)
    assert of(grown, "spectral.rows").point == 0


def test_a_row_is_held_against_its_whole_matrix() -> None:
    scaled = STILL.model_copy(update={"row_low": 300_000_000, "row_high": 300_000_000})
    sigma, norm = 1_500_000_000, 2_000_000_000
    found = values(changed(SUBJECT, FFN, drift=scaled, log_sigma=sigma, log_norm=norm))
    assert of(found, "rows.norm").point == 0
    assert of(found, "spectral.shift").point == Decimal("0.3")


def test_turned_rows_and_columns_of_all_matrices_are_counted() -> None:
    drift = STILL.model_copy(update={"turned_rows": 3, "turned_columns": 2})
    once = values(changed(SUBJECT, FFN, drift=drift))
    assert (of(once, "rows.turned").point, of(once, "rows.turned").reason) == (5, f"in `{FFN}`")
    more = drift.model_copy(update={"turned_rows": 9})
    twice = values(changed(changed(SUBJECT, FFN, drift=drift), ATTN, drift=more))
    assert of(twice, "rows.turned").point == 16
    assert of(twice, "rows.turned").reason == f"in `{ATTN}` and 1 more"


@pytest.mark.parametrize(("outliers", "growth"), [(3, "0.25"), (0, "-0.125"), (1, "0")])
def test_outliers_grow_over_the_singular_values(outliers: int, growth: str) -> None:
    found = values(changed(SUBJECT, FFN, outliers=outliers))
    assert of(found, "rmt.outliers", "ffn").point == Decimal(growth)
    assert of(found, "rmt.outliers").point == max(Decimal(growth), 0)


@pytest.mark.parametrize(
    ("update", "spectral", "rows"),
    [
        (BROKEN, "non_finite", "non_finite"),
        (ZERO, "non_finite", "ok"),
        ({**NOTHING, "spectrum": "vector", "shape": (8,), "drift": None}, "missing", "missing"),
        ({"shape": (8, 16), "drift": None}, "missing", "missing"),
    ],
)
def test_what_cannot_be_compared_is_never_ok(
    update: dict[str, Any], spectral: str, rows: str
) -> None:
    there = values(changed(SUBJECT, ATTN, **update))
    undrifted = changed(SUBJECT, ATTN, drift=None) if rows != "ok" else SUBJECT
    here = values(undrifted, changed(BASELINE, ATTN, **{**update, "drift": None}))
    for found in (there, here):
        for status, measures in ((spectral, SPECTRAL), (rows, DRIFTING)):
            for measure in measures:
                assert of(found, measure).status == status, measure
        assert of(found, "spectral.shift", "attn").status == spectral
        assert of(found, "spectral.shift", "ffn").status == "ok"
        assert ATTN in of(found, "spectral.shift").reason


def test_zero_in_both_arms_did_not_move() -> None:
    found = values(changed(SUBJECT, ATTN, **ZERO), changed(BASELINE, ATTN, **ZERO))
    assert of(found, "spectral.shift", "attn") == Value(
        "ok", Decimal(0), reason=f"largest in `{ATTN}`"
    )
    assert of(found, "rmt.outliers", "attn").point == 0


def test_a_matrix_that_became_zero_lost_all_its_rows() -> None:
    lost = STILL.model_copy(update={"row_low": -NORM_LIMIT, "row_high": -NORM_LIMIT})
    found = values(changed(SUBJECT, ATTN, **ZERO, drift=lost))
    assert of(found, "spectral.rows", "attn").point == Decimal("20.723265837")


def test_a_matrix_in_one_arm_alone_is_missing_and_counts_as_structure() -> None:
    fewer = tuple(tensor for tensor in SUBJECT if tensor.name != ATTN)
    less = tuple(tensor for tensor in BASELINE if tensor.name != ATTN)
    for found in (values(fewer), values(changed(SUBJECT, ATTN, drift=None), less)):
        for measure in (*SPECTRAL, *DRIFTING):
            assert of(found, measure).status == "missing", measure
        structure = of(found, "invariants.structure")
        assert structure.point == 1
        assert ATTN in structure.reason


def test_reshaped_counts_as_structure_and_another_dtype_by_itself() -> None:
    reshaped = values(changed(SUBJECT, ATTN, shape=(8, 16), drift=None))
    assert of(reshaped, "invariants.structure").point == 1
    retyped = values(changed(SUBJECT, ATTN, dtype="BF16"))
    assert of(retyped, "invariants.structure").point == 0
    assert of(retyped, "invariants.dtype") == Value("ok", Decimal(1), reason=f"in `{ATTN}`")


def test_non_finite_counts_the_subjects_numbers_alone() -> None:
    found = of(values(changed(SUBJECT, ATTN, **BROKEN)), "invariants.non_finite")
    assert (found.point, found.reason) == (3, f"in `{ATTN}`")
    still = changed(SUBJECT, ATTN, drift=None)
    baseline = of(values(still, changed(BASELINE, ATTN, **BROKEN)), "invariants.non_finite")
    assert (baseline.point, baseline.reason) == (0, "the baseline itself holds 3")


TWINS = ("lm_head.weight", "model.embed_tokens.weight")


def with_head(tensors: Sequence[Tensor], *, tied: bool) -> tuple[Tensor, ...]:
    """The tensors with a head of its own, whose numbers are the embedding's or are not."""
    embed = tensors[0]
    names = {"twin": TWINS[1]} if tied else {}
    head = embed.model_copy(update={"name": TWINS[0], **names})
    twin = {"twin": TWINS[0]} if tied else {}
    return (head, embed.model_copy(update=twin), *tensors[1:])


@pytest.mark.parametrize("here", ["none", "tied", "untied"])
@pytest.mark.parametrize("there", ["none", "tied", "untied"])
def test_ties_are_those_of_the_baseline(here: str, there: str) -> None:
    def arm(tensors: Sequence[Tensor], kind: str) -> tuple[Tensor, ...]:
        return tuple(tensors) if kind == "none" else with_head(tensors, tied=kind == "tied")

    same = (here == "untied") == (there == "untied")
    found = of(values(arm(SUBJECT, here), arm(BASELINE, there)), "invariants.tied")
    assert (found.point == 0) == same
    assert (TWINS[0] in found.reason) == (not same)


@pytest.mark.parametrize(
    ("table", "head"),
    [
        ("shared.weight", "lm_head.weight"),
        ("bert.embeddings.word_embeddings.weight", "cls.predictions.decoder.weight"),
        ("distilbert.embeddings.word_embeddings.weight", "vocab_projector.weight"),
    ],
)
def test_a_broken_tie_is_seen_whatever_embedding_and_head_are_called(table: str, head: str) -> None:
    tied = (make_tensor(head, twin=table), make_tensor(table, twin=head))
    apart = (make_tensor(head), make_tensor(table, log_sigma=5, log_norm=500_000_005))
    assert of(values(tied, tied), "invariants.tied").point == 0
    assert of(values(apart, tied), "invariants.tied").point == 2
    assert of(values(apart, apart), "invariants.tied").point == 0


@pytest.mark.parametrize(("ids", "beyond"), [(0, 0), (16, 0), (17, 1), (50, 34)])
def test_every_token_has_a_row_in_the_subjects_table(ids: int, beyond: int) -> None:
    def found(tensors: Sequence[Tensor], arm: str) -> Value:
        facts = getattr(EVIDENCE.header, arm)
        told = facts.model_copy(
            update={"tokenizer": facts.tokenizer.model_copy(update={"ids": ids})}
        )
        header = EVIDENCE.header.model_copy(update={arm: told})
        evidence = replace(evidence_with(tensors), header=header)
        return of(weight_values(evidence, header.contract), "invariants.vocabulary")

    value = found(SUBJECT, "subject")
    assert value.point == beyond
    assert ("16 rows" in value.reason) == (beyond > 0)
    assert found(SUBJECT, "baseline").point == 0
    assert found(SUBJECT[1:], "subject").status == "missing"


def test_without_a_tokenizer_nothing_is_known_of_its_tokens() -> None:
    bare = EVIDENCE.header.subject.model_copy(update={"tokenizer": None})
    header = EVIDENCE.header.model_copy(update={"subject": bare})
    found = weight_values(replace(evidence_with(SUBJECT), header=header), header.contract)
    assert of(found, "invariants.vocabulary").status == "missing"


def test_vectors_are_held_against_the_baselines() -> None:
    moved = of(values(changed(SUBJECT, NORM, change=250_000_000)), "invariants.vectors")
    assert moved == Value("ok", Decimal("0.25"), reason=f"largest in `{NORM}`")
    broken = values(changed(SUBJECT, NORM, change=None, non_finite=1, spectrum="non_finite"))
    assert of(broken, "invariants.vectors").status == "non_finite"
    for fewer in (SUBJECT[:-1], changed(SUBJECT, NORM, change=None, shape=(9,))):
        assert of(values(fewer), "invariants.vectors").status == "missing"
    assert Key("invariants.vectors") not in values(SUBJECT[:-1], BASELINE[:-1])


def test_an_arm_without_tensors_gives_nothing() -> None:
    assert values((), ()) == {}
    assert {value.status for value in values(()).values()} == {"missing"}
    assert not any(key.measure.startswith("invariants") for key in values(()))


def test_worst_prefers_what_cannot_be_compared() -> None:
    found = shifts(evidence_with(changed(SUBJECT, ATTN, **ZERO)))
    shift = worst(found)
    assert shift is not None
    assert shift.name == ATTN
    assert worst([]) is None
