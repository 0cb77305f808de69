"""Families of the matrices of every supported architecture, held against where they stand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from transformers import (
    CONFIG_MAPPING,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
)

from invarlock.evidence.families import family_of
from invarlock.measure.head import HEADS, MASKED_HEADS, SEQ2SEQ_HEADS

SMALL: dict[str, dict[str, Any]] = {
    "gpt_neo": {"num_layers": 2, "attention_types": [[["global", "local"], 1]]},
    "distilbert": {"n_layers": 1},
    "gemma3_text": {"num_hidden_layers": 1, "layer_types": ["full_attention"]},
    "t5": {"num_layers": 1},
    "mt5": {"num_layers": 1},
}
KINDS = [
    *((kind, AutoModelForCausalLM) for kind in sorted(HEADS)),
    *((kind, AutoModelForMaskedLM) for kind in sorted(MASKED_HEADS)),
    *((kind, AutoModelForSeq2SeqLM) for kind in sorted(SEQ2SEQ_HEADS)),
]
CLASSIFIERS = {
    "bert": {"bert.pooler.dense.weight", "classifier.weight"},
    "distilbert": {"pre_classifier.weight", "classifier.weight"},
    "gpt2": {"score.weight"},
    "llama": {"score.weight"},
    "roberta": {"classifier.dense.weight", "classifier.out_proj.weight"},
    "t5": {"classification_head.dense.weight", "classification_head.out_proj.weight"},
}


def made(kind: str, library: Any) -> Any:
    """A model of the kind without numbers, of as few layers as it can have."""
    small = SMALL.get(kind, {"num_hidden_layers": 1})
    tokens = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    with torch.device("meta"):
        return library.from_config(CONFIG_MAPPING[kind](**small, **tokens))


def matrices(model: Any) -> Iterator[tuple[str, str]]:
    """Every matrix with its family by where it stands: in a stack of layers, what is below a module
    of attention is `attn` and the rest `ffn`; outside of it, embeddings and head."""
    for name, weight in model.state_dict().items():
        if len(weight.shape) < 2:
            continue
        steps = name.split(".")
        above = [model.get_submodule(".".join(steps[:end])) for end in range(1, len(steps))]
        if any("Attention" in type(module).__name__ for module in above):
            yield name, "attn"
        elif any(isinstance(module, torch.nn.ModuleList) for module in above):
            yield name, "ffn"
        else:
            yield name, "embed"


@pytest.mark.parametrize(("kind", "library"), KINDS, ids=[kind for kind, _ in KINDS])
def test_every_matrix_is_of_the_family_that_holds_it(kind: str, library: Any) -> None:
    expected = dict(matrices(made(kind, library)))
    assert {name: family_of(name) for name in expected} == expected
    assert set(expected.values()) == {"attn", "embed", "ffn"}


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_only_heads_that_classify_are_of_no_family(kind: str) -> None:
    expected = dict(matrices(made(kind, AutoModelForSequenceClassification)))
    found = {name: family_of(name) for name in expected}
    assert {name for name, family in found.items() if family == "other"} == CLASSIFIERS[kind]
    assert all(found[name] == expected[name] for name in found.keys() - CLASSIFIERS[kind])
