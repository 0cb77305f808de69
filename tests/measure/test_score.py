"""Scores against plain float64 arithmetic; flags for what is not finite; exact nulls."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from invarlock.artifacts.model_files import open_model
from invarlock.canonical import NANO, NON_FINITE
from invarlock.errors import SafetyRefusal
from invarlock.evidence.layout import Layout, whole_runs
from invarlock.measure import score
from invarlock.measure.fixed import to_nano
from invarlock.measure.head import read_head
from invarlock.measure.loading import load_model, read_config
from invarlock.measure.score import Body, Pairing, score_baseline, score_subject
from tests.measure.tiny import VOCABULARY, make_model

TOKENS = np.random.default_rng(2).integers(0, VOCABULARY, (21, 16)).astype("<u4")
LAYOUT = whole_runs(TOKENS)


def body(folder: Path) -> Body:
    with open_model(folder) as files:
        config = read_config(files)
        return Body(load_model(folder, files, config).model, read_head(files, config))


def log_softmax(of: Body) -> np.ndarray:
    with torch.inference_mode():
        ids = torch.from_numpy(TOKENS.astype(np.int64))
        logits = of.model(input_ids=ids).logits[:, :-1].double().reshape(-1, VOCABULARY)
        return torch.log_softmax(logits, dim=1).numpy()


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("other") / "m", seed=4)


def pairing(of: Body) -> Pairing:
    hidden = io.BytesIO()
    losses = score_baseline(of, LAYOUT, hidden)
    hidden.seek(0)
    assert of.head is not None
    return Pairing(of.head, hidden, losses)


def test_all_four_equal_plain_arithmetic(tiny: Path, other: Path) -> None:
    baseline, subject = body(tiny), body(other)
    given_pair = pairing(baseline)
    loss, kl, delta_p, top1 = score_subject(subject, LAYOUT, given_pair)
    p, q = log_softmax(baseline), log_softmax(subject)
    truth = TOKENS[:, 1:].reshape(-1).astype(np.int64)
    rows = np.arange(truth.size)
    assert np.max(np.abs(given_pair.losses / NANO + p[rows, truth])) < 1e-5
    assert np.max(np.abs(loss / NANO + q[rows, truth])) < 1e-5
    assert np.max(np.abs(kl / NANO - np.sum(np.exp(p) * (p - q), axis=1))) < 1e-5
    change = np.exp(q[rows, truth]) - np.exp(p[rows, truth])
    assert np.max(np.abs(delta_p / NANO - change)) < 1e-5
    assert np.array_equal(top1, p.argmax(axis=1) == q.argmax(axis=1))
    assert np.mean(kl) / NANO > 0.1


def test_identical_weights_are_exactly_at_the_null(tiny: Path) -> None:
    given_pair = pairing(body(tiny))
    loss, kl, delta_p, top1 = score_subject(body(tiny), LAYOUT, given_pair)
    assert np.array_equal(loss, given_pair.losses)
    assert not kl.any()
    assert not delta_p.any()
    assert np.all(top1 == 1)


def test_chunks_change_nothing_that_can_be_seen(
    tiny: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = score_subject(body(other), LAYOUT, pairing(body(tiny)))
    monkeypatch.setattr(score, "CHUNK", 7)
    pieces = score_subject(body(other), LAYOUT, pairing(body(tiny)))
    for one, two in zip(whole, pieces, strict=True):
        assert np.max(np.abs(one - two)) < 1e-5 * NANO


def test_nan_weights_flag_every_number(tiny: Path) -> None:
    broken = body(tiny)
    with torch.no_grad():
        broken.model.model.norm.weight[0] = torch.nan
    for column in score_subject(broken, LAYOUT, pairing(body(tiny))):
        assert np.all(column == NON_FINITE)
    for column in score_subject(body(tiny), LAYOUT, pairing(body(tiny))):
        assert np.all(column != NON_FINITE)


def test_a_vocabulary_of_another_size_leaves_kl_flagged(tiny: Path, tmp_path: Path) -> None:
    wider = body(make_model(tmp_path / "m", vocab_size=VOCABULARY + 8))
    loss, kl, delta_p, top1 = score_subject(wider, LAYOUT, pairing(body(tiny)))
    assert np.all(kl == NON_FINITE)
    for column in (loss, delta_p, top1):
        assert np.all(column != NON_FINITE)


def test_without_a_split_only_the_loss_is_measured(tiny: Path) -> None:
    whole = replace(body(tiny), head=None)
    hidden = io.BytesIO()
    losses = score_baseline(whole, LAYOUT, hidden)
    assert hidden.getvalue() == b""
    loss, *others = score_subject(whole, LAYOUT, None)
    assert np.array_equal(loss, losses)
    for column in others:
        assert np.all(column == NON_FINITE)
    assert np.max(np.abs(losses - pairing(body(tiny)).losses)) < 1e-5 * NANO


@pytest.mark.parametrize("split", [True, False])
def test_windows_of_unequal_length_score_as_if_alone(tiny: Path, other: Path, split: bool) -> None:
    """Filling up a batch's shorter windows changes no number of theirs."""
    draw = np.random.default_rng(8)
    lengths = draw.integers(2, 17, 21)
    picked = [np.flatnonzero(draw.random(n - 1) < 0.5) + 1 for n in lengths]
    positions = [some if len(some) else np.array([1]) for some in picked]
    layout = Layout(
        np.concatenate([row[:n] for row, n in zip(TOKENS, lengths, strict=True)]),
        np.concatenate(positions).astype("<u4"),
        lengths,
        np.array([len(some) for some in positions]),
    )

    def scored(these: Layout) -> list[np.ndarray]:
        baseline, subject = body(tiny), body(other)
        hidden = io.BytesIO()
        if not split:
            baseline, subject = replace(baseline, head=None), replace(subject, head=None)
        losses = score_baseline(baseline, these, hidden)
        hidden.seek(0)
        pair = None if baseline.head is None else Pairing(baseline.head, hidden, losses)
        return [losses, *score_subject(subject, these, pair)]

    whole = scored(layout)
    alone = [scored(layout.part(at, at + 1)) for at in range(len(layout))]
    for column, parts in zip(whole, zip(*alone, strict=True), strict=True):
        assert column.shape == (layout.rows,)
        assert np.max(np.abs(column - np.concatenate(parts))) < 1e-5 * NANO
    rows = np.concatenate([at * 15 + some - 1 for at, some in enumerate(positions)])
    full = score_baseline(body(tiny), LAYOUT, io.BytesIO())[rows]
    assert np.max(np.abs(whole[0] - full)) < 1e-5 * NANO


@pytest.mark.parametrize("split", [True, False])
def test_a_model_that_fails_on_its_windows_is_refused(tmp_path: Path, split: bool) -> None:
    """Sixteen tokens pass a table of fifteen positions only where the last one is not run."""
    positions = 14 if split else 15
    good = body(make_model(tmp_path / "m", "gpt2", n_positions=16))
    bad = body(make_model(tmp_path / "n", "gpt2", n_positions=positions))
    if not split:
        good, bad = replace(good, head=None), replace(bad, head=None)
    score_baseline(good, LAYOUT, io.BytesIO())
    with pytest.raises(SafetyRefusal, match="fails on its own windows: ") as caught:
        score_baseline(bad, LAYOUT, io.BytesIO())
    assert caught.value.code == "E207"


def test_hidden_states_of_other_windows_or_another_head_are_refused(tiny: Path) -> None:
    good = pairing(body(tiny))
    states = good.hidden.read()
    assert good.head is not None
    for hidden, losses in (
        (states[:-4], good.losses),
        (states + b"\0" * 4, good.losses),
        (states, good.losses + 1),
    ):
        with pytest.raises(SafetyRefusal) as caught:
            score_subject(body(tiny), LAYOUT, Pairing(good.head, io.BytesIO(hidden), losses))
        assert caught.value.code == "E001"
    score_subject(body(tiny), LAYOUT, Pairing(good.head, io.BytesIO(states), good.losses))


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_fixed_point_rounds_half_even_and_flags(value: float) -> None:
    fixed = int(to_nano(np.array([value]))[0])
    if not np.isfinite(value) or abs(value) >= 9.0e9:
        assert fixed == NON_FINITE
    else:
        assert fixed == round(value * 1e9)


def test_fixed_point_ties() -> None:
    assert to_nano(np.array([0.5e-9, 1.5e-9, 2.5e-9, -0.5e-9])).tolist() == [0, 2, 2, 0]
