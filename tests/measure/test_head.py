"""Every architecture in the table: body and head, split, give what the whole model gives."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from invarlock.artifacts.model_files import open_model
from invarlock.errors import SafetyRefusal
from invarlock.measure.head import HEADS, Head, agrees, hidden_states, read_head
from invarlock.measure.loading import load_model, quiet, read_config
from tests.measure.tiny import VOCABULARY, edited, make_model


def parts(folder: Path) -> tuple[Any, Head | None]:
    quiet()
    with open_model(folder) as files:
        config = read_config(files)
        return load_model(folder, files, config).model, read_head(files, config)


@pytest.mark.parametrize("kind", sorted(HEADS))
def test_the_split_gives_the_logits_of_the_whole(tmp_path: Path, kind: str) -> None:
    model, head = parts(make_model(tmp_path / "m", kind))
    assert head is not None
    assert agrees(head, model)
    ids = torch.randint(0, VOCABULARY, (3, 11), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        whole = model(input_ids=ids, use_cache=False).logits
        split = head.logits(hidden_states(model, ids).reshape(33, -1)).reshape(whole.shape)
    assert whole.abs().max() > 0.1
    torch.testing.assert_close(split, whole, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "field"),
    [("cohere", "multiply"), ("granite", "divide"), ("gemma2", "cap"), ("phi", "bias")],
)
def test_a_head_without_its_scale_cap_or_bias_is_noticed(
    tmp_path: Path, kind: str, field: str
) -> None:
    model, head = parts(make_model(tmp_path / "m", kind))
    assert head is not None
    assert getattr(head, field) is not None
    assert agrees(head, model)
    assert not agrees(dataclasses.replace(head, **{field: None}), model)


@pytest.mark.parametrize("tied", [True, False])
def test_tied_and_untied_heads_are_read_from_the_folder(tmp_path: Path, tied: bool) -> None:
    folder = make_model(tmp_path / "m", tie_word_embeddings=tied)
    model, head = parts(folder)
    assert head is not None
    assert torch.equal(head.weight, model.lm_head.weight)
    assert torch.equal(head.weight, model.model.embed_tokens.weight) == tied


def test_a_stored_head_wins_over_a_configuration_that_says_tied(tmp_path: Path) -> None:
    folder = make_model(tmp_path / "m", tie_word_embeddings=False)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "tie_word_embeddings": True}))
    model, head = parts(folder)
    assert head is not None
    assert torch.equal(head.weight, model.lm_head.weight)
    assert agrees(head, model)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_a_head_is_decoded_as_the_library_decodes_it(tmp_path: Path, dtype: str) -> None:
    folder = make_model(tmp_path / "m")
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype))
    model.save_pretrained(folder)
    model, head = parts(folder)
    assert head is not None
    assert head.weight.dtype == torch.float32
    assert torch.equal(head.weight, model.lm_head.weight)


def test_a_head_of_nan_weights_is_the_same_head(tmp_path: Path) -> None:
    def poison(tensors: dict[str, Any]) -> None:
        tensors["lm_head.weight"][3, 4] = np.nan

    model, head = parts(edited(make_model(tmp_path / "m"), tmp_path / "nan", poison))
    assert head is not None
    assert agrees(head, model)


def test_a_folder_without_a_head_is_refused(tmp_path: Path) -> None:
    def behead(tensors: dict[str, Any]) -> None:
        del tensors["lm_head.weight"]

    folder = make_model(tmp_path / "m")
    with open_model(folder) as files:
        assert read_head(files, read_config(files)) is not None
    with open_model(edited(folder, tmp_path / "headless", behead)) as files:
        config = read_config(files)
        with pytest.raises(SafetyRefusal) as caught:
            read_head(files, config)
    assert caught.value.code == "E207"


def test_an_architecture_outside_the_table_has_no_split(tmp_path: Path) -> None:
    with open_model(make_model(tmp_path / "m", "olmo")) as files:
        assert read_head(files, read_config(files)) is None
