"""Both arms, end to end: identical weights rest exactly at the null, and every edit moves what it
should. What an edit leaves unmoved is said too: a guard's blind spot is a fact like any other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from invarlock.canonical import NANO, NON_FINITE
from invarlock.errors import Inconclusive, InvarlockError, SafetyRefusal
from invarlock.evidence.schedule import window_id
from invarlock.evidence.schema import Drift, Tensor
from tests.builders import STILL
from tests.measure.arms import Outcome, measure
from tests.measure.tiny import edited, make_model, write_tokenizer

Tensors = dict[str, np.ndarray[Any, Any]]


def shifts(outcome: Outcome) -> dict[str, int]:
    """|ln σ₁| of the subject against the baseline in 1e-9 nats, where both have one."""
    pairs = {
        name: (outcome.baseline_tensors[name].log_sigma, record.log_sigma)
        for name, record in outcome.subject_tensors.items()
        if name in outcome.baseline_tensors
    }
    return {
        name: abs(one - two)
        for name, (one, two) in pairs.items()
        if one is not None and two is not None
    }


def undrifted(outcome: Outcome) -> dict[str, Tensor]:
    """The subject's records without what compares them with the baseline's."""
    alone = {"drift": None, "change": None}
    return {name: t.model_copy(update=alone) for name, t in outcome.subject_tensors.items()}


def drifts(outcome: Outcome) -> set[Drift]:
    """How the subject's matrices drifted; vectors that changed fail here."""
    assert {record.change for record in outcome.subject_tensors.values()} <= {None, 0}
    return {r.drift for r in outcome.subject_tensors.values() if r.drift is not None}


def moved(outcome: Outcome) -> set[str]:
    """Which per-token measures are not exactly at their null."""
    found = {"loss"} if not np.array_equal(outcome.loss, outcome.baseline_loss) else set()
    found |= {name for name in ("kl", "delta_p") if getattr(outcome, name).any()}
    return found | ({"top1"} if not np.all(outcome.top1 == 1) else set())


def unusual(outcome: Outcome) -> tuple[list[str], list[str]]:
    """What each arm said beyond its phases and its count."""
    usual = ("cutting", "loading", "reading", "scoring", "scored")
    both = outcome.baseline_said, outcome.subject_said
    one, two = ([line for line in said if not line.startswith(usual)] for said in both)
    return one, two


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("llama", {"tie_word_embeddings": False}),
        ("llama", {"tie_word_embeddings": True}),
        ("phi", {}),
        ("gemma2", {}),
        ("granite", {}),
        ("cohere", {}),
        ("gpt2", {}),
    ],
)
def test_identical_weights_are_exactly_at_the_null(
    tmp_path: Path, data: Path, kind: str, changes: dict[str, Any]
) -> None:
    model = make_model(tmp_path / "m", kind, **changes)
    copy = edited(model, tmp_path / "copy", lambda tensors: None)
    outcome = measure(tmp_path / "run", model, copy, data)
    assert moved(outcome) == set()
    assert undrifted(outcome) == outcome.baseline_tensors
    assert drifts(outcome) <= {STILL}
    assert outcome.baseline.tokenizer == outcome.subject.tokenizer
    assert outcome.subject.subject_ids == tuple(window.id for window in outcome.windows)
    assert unusual(outcome) == ([], [])
    assert outcome.loss.shape == (20 * 15,)


def test_noise_moves_every_measure_and_the_spectrum(tiny: Path, tmp_path: Path, data: Path) -> None:
    def noise(tensors: Tensors) -> None:
        draw = np.random.default_rng(1)
        for name, array in tensors.items():
            if array.ndim == 2:
                tensors[name] = array + draw.normal(0, 0.15, array.shape).astype(np.float32)

    outcome = measure(tmp_path / "run", tiny, edited(tiny, tmp_path / "s", noise), data)
    assert moved(outcome) == {"loss", "kl", "delta_p", "top1"}
    assert max(shifts(outcome).values()) > 0.001 * NANO
    assert np.all(outcome.kl >= 0)


def test_a_scaled_matrix_fires_the_spectrum_by_its_logarithm(
    tiny: Path, tmp_path: Path, data: Path
) -> None:
    name = "model.layers.0.mlp.down_proj.weight"

    def scale(tensors: Tensors) -> None:
        tensors[name] *= np.float32(2.0)

    outcome = measure(tmp_path / "run", tiny, edited(tiny, tmp_path / "s", scale), data)
    found = shifts(outcome)
    assert abs(found.pop(name) - np.log(2.0) * NANO) <= 2
    assert set(found.values()) == {0}
    assert moved(outcome) >= {"loss", "kl", "delta_p"}


def test_permuted_rows_are_invisible_to_the_spectrum_and_plain_to_the_loss(
    tiny: Path, tmp_path: Path, data: Path
) -> None:
    """Singular values do not depend on the order of rows: only the outputs show this edit."""

    def permute(tensors: Tensors) -> None:
        name = "model.layers.0.self_attn.q_proj.weight"
        tensors[name] = tensors[name][np.random.default_rng(2).permutation(32)]

    outcome = measure(tmp_path / "run", tiny, edited(tiny, tmp_path / "s", permute), data)
    assert max(shifts(outcome).values()) <= 1
    assert moved(outcome) >= {"loss", "kl", "delta_p"}


def test_one_changed_weight_is_seen(tiny: Path, tmp_path: Path, data: Path) -> None:
    def nudge(tensors: Tensors) -> None:
        tensors["lm_head.weight"][5, 7] += np.float32(0.5)

    outcome = measure(tmp_path / "run", tiny, edited(tiny, tmp_path / "s", nudge), data)
    assert moved(outcome) >= {"loss", "kl", "delta_p"}


def test_nan_weights_give_evidence_not_an_error(tiny: Path, tmp_path: Path, data: Path) -> None:
    name = "model.layers.1.mlp.up_proj.weight"

    def poison(tensors: Tensors) -> None:
        tensors[name][2, :3] = np.nan

    outcome = measure(tmp_path / "run", tiny, edited(tiny, tmp_path / "s", poison), data)
    assert outcome.subject_tensors[name].non_finite == 3
    assert outcome.subject_tensors[name].spectrum == "non_finite"
    assert sum(record.non_finite for record in outcome.baseline_tensors.values()) == 0
    for column in (outcome.loss, outcome.kl, outcome.delta_p, outcome.top1):
        assert np.all(column == NON_FINITE)
    assert np.all(outcome.baseline_loss != NON_FINITE)


def test_an_added_tensor_shows_in_the_records(tiny: Path, tmp_path: Path, data: Path) -> None:
    def add(tensors: Tensors) -> None:
        tensors["model.layers.0.mlp.extra.weight"] = np.ones((4, 4), np.float32)

    outcome = measure(tmp_path / "run", tiny, edited(tiny, tmp_path / "s", add), data)
    added = set(outcome.subject_tensors) - set(outcome.baseline_tensors)
    assert added == {"model.layers.0.mlp.extra.weight"}
    assert unusual(outcome) == ([], ["1 stored tensor is not used by the architecture"])
    assert moved(outcome) == set()


def test_a_removed_tensor_is_refused(tiny: Path, tmp_path: Path, data: Path) -> None:
    def drop(tensors: Tensors) -> None:
        del tensors["model.norm.weight"]

    with pytest.raises(SafetyRefusal) as caught:
        measure(tmp_path / "run", tiny, edited(tiny, tmp_path / "s", drop), data)
    assert caught.value.code == "E207"


def test_another_tokenizer_gives_other_facts_and_ids(
    tiny: Path, tmp_path: Path, data: Path
) -> None:
    subject = edited(tiny, tmp_path / "s", lambda tensors: None)
    write_tokenizer(subject, extra="stonestone riverriver lanternlantern")
    outcome = measure(tmp_path / "run", tiny, subject, data)
    assert outcome.baseline.tokenizer is not None
    assert outcome.subject.tokenizer is not None
    assert outcome.subject.tokenizer.vocabulary != outcome.baseline.tokenizer.vocabulary
    assert outcome.subject.subject_ids != tuple(window.id for window in outcome.windows)
    assert moved(outcome) == set()  # both arms score the baseline's windows


def test_windows_are_recorded_with_document_and_slice(
    tiny: Path, tmp_path: Path, data: Path
) -> None:
    outcome = measure(tmp_path / "run", tiny, tiny, data)
    assert outcome.baseline.data is not None
    assert outcome.baseline.data.documents == 40
    assert [w.id for w in outcome.windows] == [window_id(row) for row in outcome.tokens.tolist()]
    for window in outcome.windows:
        assert window.slice == ("odd" if int(window.document[3:]) % 3 == 0 else None)
        assert window.subject_id is None


def test_too_few_windows_is_inconclusive_before_a_model_is_loaded(
    tiny: Path, tmp_path: Path, data: Path
) -> None:
    with pytest.raises(Inconclusive, match="the bar needs 10014"):
        measure(tmp_path / "run", tiny, tiny, data, final=10_008)


def test_an_architecture_without_a_split_has_its_loss_and_no_kl(tmp_path: Path, data: Path) -> None:
    model = make_model(tmp_path / "m", "olmo")
    outcome = measure(tmp_path / "run", model, model, data)
    no_split = "this architecture's head is not split: no KL, Δp, agreement"
    assert unusual(outcome) == ([no_split], [no_split])
    assert np.array_equal(outcome.loss, outcome.baseline_loss)
    assert np.all(outcome.loss != NON_FINITE)
    for column in (outcome.kl, outcome.delta_p, outcome.top1):
        assert np.all(column == NON_FINITE)


def test_token_ids_beyond_the_embedding_are_refused(tiny: Path, tmp_path: Path, data: Path) -> None:
    small = make_model(tmp_path / "small", vocab_size=200)
    with pytest.raises(InvarlockError) as caught:
        measure(tmp_path / "run", tiny, small, data)
    assert caught.value.code == "E207"


def test_the_subject_says_that_the_baseline_has_no_split(
    tiny: Path, tmp_path: Path, data: Path
) -> None:
    whole = make_model(tmp_path / "m", "olmo")
    outcome = measure(tmp_path / "run", whole, tiny, data)
    assert unusual(outcome)[1] == ["the baseline's head is not split: no KL, Δp, agreement"]


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("gpt2", "n_positions"),
        ("gpt_neo", "max_position_embeddings"),
        ("opt", "max_position_embeddings"),
        ("llama", "max_position_embeddings"),
    ],
)
def test_windows_longer_than_the_model_is_made_for_are_refused(
    tmp_path: Path, data: Path, kind: str, key: str
) -> None:
    short = make_model(tmp_path / "short", kind, **{key: 15})
    with pytest.raises(SafetyRefusal) as caught:
        measure(tmp_path / "run", short, short, data)
    assert caught.value.code == "E207"
    assert "16 tokens" in caught.value.message
    assert " 15" in caught.value.message
    exact = make_model(tmp_path / "exact", kind, **{key: 16})
    assert moved(measure(tmp_path / "exact_run", exact, exact, data)) == set()


@pytest.mark.real_model
def test_the_real_model_rests_at_the_null_and_moves_when_edited(
    smollm2: Path, material: tuple[dict[str, Path], Path], tmp_path: Path
) -> None:
    def scale(tensors: Tensors) -> None:
        tensors["model.layers.3.mlp.up_proj.weight"] *= np.float32(1.05)

    few = {"preview": 2, "final": 8}
    same = measure(tmp_path / "same", smollm2, smollm2, material[1], **few)
    assert moved(same) == set()
    assert undrifted(same) == same.baseline_tensors
    assert drifts(same) <= {STILL}
    other = measure(
        tmp_path / "other", smollm2, edited(smollm2, tmp_path / "s", scale), material[1], **few
    )
    assert moved(other) >= {"loss", "kl", "delta_p"}
    assert abs(max(shifts(other).values()) - np.log(1.05) * NANO) < 1000
