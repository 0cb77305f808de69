"""Every task, both arms: identical weights rest exactly at the null, an edit moves the numbers, and
the numbers are those of the model library run plainly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from invarlock.canonical import NANO, NON_FINITE
from invarlock.evidence.model import Evidence
from invarlock.measure.loading import quiet
from tests.measure.tasks.runs import evidence_of, noisy
from tests.measure.tiny import edited
from tests.measure.tiny_tasks import MARKED, make_chat, make_other

Maker = Callable[[Path], Path]
KINDS: dict[str, tuple[str, Maker]] = {
    "chat": ("chat", make_chat),
    "chat marked": ("chat", lambda folder: make_chat(folder, MARKED)),
    "bert": ("masked_lm", lambda folder: make_other(folder, "masked_lm", "bert")),
    "roberta": ("masked_lm", lambda folder: make_other(folder, "masked_lm", "roberta")),
    "distilbert": ("masked_lm", lambda folder: make_other(folder, "masked_lm", "distilbert")),
    "t5": ("seq2seq_lm", lambda folder: make_other(folder, "seq2seq_lm", "t5")),
    "t5 tied": (
        "seq2seq_lm",
        lambda folder: make_other(folder, "seq2seq_lm", "t5", tie_word_embeddings=True),
    ),
    "choice": ("multiple_choice", make_chat),
    "labels": (
        "classification",
        lambda folder: make_other(folder, "classification", "bert", num_labels=3),
    ),
}
UNSPLIT: dict[str, tuple[str, Maker]] = {
    "electra": ("masked_lm", lambda folder: make_other(folder, "masked_lm", "electra")),
    "bart": ("seq2seq_lm", lambda folder: make_other(folder, "seq2seq_lm", "bart")),
}


def columns(evidence: Evidence) -> dict[str, Any]:
    return {name: column for name, column in evidence.columns.items() if name != "baseline_loss"}


@pytest.mark.parametrize("kind", KINDS)
def test_identical_weights_rest_and_an_edit_moves(kind: str, tmp_path: Path) -> None:
    task, make = KINDS[kind]
    model = make(tmp_path / "model")
    (tmp_path / "same").mkdir()
    (tmp_path / "other").mkdir()
    same = evidence_of(tmp_path / "same", task, model, model)
    assert np.array_equal(same.loss, same.baseline_loss)
    assert all(window.id == window.subject_id for window in same.windows)
    assert len({window.document for window in same.windows}) > 10
    nulls = {"kl": 0, "delta_p": 0, "top1": 1}
    for name, column in columns(same).items():
        assert np.all(column != NON_FINITE)
        assert name == "loss" or np.all(column == nulls[name])
    subject = edited(model, tmp_path / "subject", noisy())
    other = evidence_of(tmp_path / "other", task, model, subject)
    assert np.array_equal(other.baseline_loss, same.baseline_loss)
    for name, column in columns(other).items():
        assert np.all(column != NON_FINITE)
        assert name == "loss" or np.any(column != nulls[name])
    assert not np.array_equal(other.loss, other.baseline_loss)


@pytest.mark.parametrize("kind", UNSPLIT)
def test_an_untested_head_has_its_loss_and_no_kl(kind: str, tmp_path: Path) -> None:
    task, make = UNSPLIT[kind]
    model = make(tmp_path / "model")
    evidence = evidence_of(tmp_path, task, model, model)
    assert np.all(evidence.loss != NON_FINITE)
    assert np.array_equal(evidence.loss, evidence.baseline_loss)
    for column in (evidence.kl, evidence.delta_p, evidence.top1):
        assert column is not None
        assert np.all(column == NON_FINITE)


def losses(logits: torch.Tensor, truth: Any) -> np.ndarray[Any, Any]:
    picked = torch.log_softmax(logits.double(), dim=-1)[range(len(truth)), truth]
    return -picked.numpy()


def own(evidence: Evidence, at: int) -> tuple[list[int], list[int], np.ndarray[Any, Any]]:
    """Tokens, positions and the baseline's losses of one window."""
    layout = evidence.layout
    rows = slice(int(layout.offsets[at]), int(layout.offsets[at + 1]))
    tokens, positions = layout.window(at).tolist(), layout.positions[rows].tolist()
    return tokens, positions, evidence.baseline_loss[rows] / NANO


@pytest.fixture(autouse=True)
def _quiet() -> None:
    quiet()


def test_chats_by_the_plain_library(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    folder = make_chat(tmp_path / "model")
    evidence = evidence_of(tmp_path, "chat", folder, folder, length=32)
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    for at in range(6):
        tokens, positions, found = own(evidence, at)
        with torch.inference_mode():
            logits = model(torch.tensor([tokens])).logits[0]
        truth = [tokens[p] for p in positions]
        assert np.allclose(found, losses(logits[[p - 1 for p in positions]], truth), atol=1e-4)


def test_masks_by_the_plain_library(tmp_path: Path) -> None:
    from transformers import AutoModelForMaskedLM

    folder = make_other(tmp_path / "model", "masked_lm", "bert")
    evidence = evidence_of(tmp_path, "masked_lm", folder, folder)
    model = AutoModelForMaskedLM.from_pretrained(folder).eval()
    for at in range(6):
        tokens, positions, found = own(evidence, at)
        assert len(positions) == 2
        seen = [3 if p in positions else token for p, token in enumerate(tokens)]
        with torch.inference_mode():
            logits = model(torch.tensor([[1, *seen, 2]])).logits[0, 1:]
        assert np.allclose(
            found, losses(logits[positions], [tokens[p] for p in positions]), atol=1e-4
        )


def test_targets_by_the_plain_library(tmp_path: Path) -> None:
    from transformers import AutoModelForSeq2SeqLM

    folder = make_other(tmp_path / "model", "seq2seq_lm", "t5")
    evidence = evidence_of(tmp_path, "seq2seq_lm", folder, folder)
    model = AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
    for at in range(6):
        tokens, positions, found = own(evidence, at)
        source, target = tokens[: positions[0]], tokens[positions[0] :]
        with torch.inference_mode():
            labels = torch.tensor([[1, *target, 2]])
            logits = model(input_ids=torch.tensor([[1, *source, 2]]), labels=labels).logits[0, 1:-1]
        assert np.allclose(found, losses(logits, target), atol=1e-4)


def test_choices_by_the_plain_library(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    folder = make_chat(tmp_path / "model")
    evidence = evidence_of(tmp_path, "multiple_choice", folder, folder, length=32)
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    for at in range(6):
        tokens, positions, found = own(evidence, at)
        for begin, end, loss in zip(positions, [*positions[1:], len(tokens)], found, strict=True):
            choice, context = tokens[begin:end], tokens[: positions[0]]
            with torch.inference_mode():
                logits = model(torch.tensor([[*context, *choice]])).logits[0, len(context) - 1 : -1]
            assert abs(loss - losses(logits, choice).sum()) < 1e-4


def test_labels_by_the_plain_library(tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    folder = make_other(tmp_path / "model", "classification", "bert", num_labels=3)
    evidence = evidence_of(tmp_path, "classification", folder, folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    for at in range(6):
        tokens, _, found = own(evidence, at)
        with torch.inference_mode():
            logits = model(torch.tensor([[1, *tokens, 2]])).logits[0].double()
        assert np.allclose(found, -torch.log_softmax(logits, dim=0).numpy(), atol=1e-5)
        number = int(evidence.windows[at].document.removeprefix("doc"))
        assert evidence.windows[at].answer == number % 3
