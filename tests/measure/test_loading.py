"""Loading: what fits is loaded from the bytes at hand, what does not is refused with its name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from invarlock.artifacts.model_files import open_model
from invarlock.errors import SafetyRefusal
from invarlock.measure.loading import (
    Loaded,
    check_positions,
    forward_pass,
    load_model,
    quiet,
    read_config,
)
from tests.measure.tiny import edited, make_model

Tensors = dict[str, np.ndarray[Any, Any]]


def load(folder: Path) -> Loaded:
    quiet()
    with open_model(folder) as files:
        return load_model(folder, files, read_config(files))


def refusal(folder: Path) -> SafetyRefusal:
    with pytest.raises(SafetyRefusal) as caught:
        load(folder)
    assert "\n" not in caught.value.message
    return caught.value


def with_config(source: Path, folder: Path, **changes: Any) -> Path:
    edited(source, folder, lambda tensors: None)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))
    return folder


def test_a_model_loads_in_float32_with_its_own_weights(tiny: Path, tmp_path: Path) -> None:
    def mark(tensors: Tensors) -> None:
        tensors["model.norm.weight"][:] = 7.0

    loaded = load(edited(tiny, tmp_path / "m", mark))
    assert {p.dtype for p in loaded.model.parameters()} == {torch.float32}
    assert not any(p.requires_grad for p in loaded.model.parameters())
    assert float(loaded.model.model.norm.weight[0]) == 7.0
    assert not loaded.model.training
    assert loaded.unexpected == 0


def test_shards_load_as_one(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    folder = make_model(tmp_path / "m")
    whole = load(folder).model.state_dict()
    whole = {name: tensor.clone() for name, tensor in whole.items()}
    model = AutoModelForCausalLM.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="20KB")
    assert len(list(folder.glob("*.safetensors"))) > 1
    sharded = load(folder).model.state_dict()
    assert whole.keys() == sharded.keys()
    assert all(torch.equal(whole[name], sharded[name]) for name in whole)


def test_a_missing_tensor_is_named(tiny: Path, tmp_path: Path) -> None:
    def drop(tensors: Tensors) -> None:
        del tensors["model.layers.1.mlp.up_proj.weight"]

    err = refusal(edited(tiny, tmp_path / "m", drop))
    assert err.code == "E207"
    assert "`model.layers.1.mlp.up_proj.weight` is missing" in err.message


def test_a_renamed_tensor_is_missing(tiny: Path, tmp_path: Path) -> None:
    def rename(tensors: Tensors) -> None:
        tensors["model.norm.weights"] = tensors.pop("model.norm.weight")

    err = refusal(edited(tiny, tmp_path / "m", rename))
    assert err.code == "E207"
    assert "`model.norm.weight`" in err.message


def test_a_tensor_of_the_wrong_shape_is_named(tiny: Path, tmp_path: Path) -> None:
    def cut(tensors: Tensors) -> None:
        tensors["model.layers.0.mlp.up_proj.weight"] = np.zeros((3, 32), np.float32)

    err = refusal(edited(tiny, tmp_path / "m", cut))
    assert err.code == "E207"
    assert "`model.layers.0.mlp.up_proj.weight` has the wrong shape" in err.message


def test_an_added_tensor_is_counted(tiny: Path, tmp_path: Path) -> None:
    def add(tensors: Tensors) -> None:
        tensors["extra.weight"] = np.zeros((3, 2), np.float32)

    assert load(edited(tiny, tmp_path / "m", add)).unexpected == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"model_type": "bert_of_nobody"}, "E210"),
        ({"model_type": "clip"}, "E210"),
        ({"model_type": None}, "E210"),
        ({"hidden_size": "wide"}, "E206"),
        ({"num_attention_heads": 0}, "E206"),
        ({"hidden_act": "no_such_activation"}, "E206"),
        ({"hidden_size": 64}, "E207"),
        ({"num_hidden_layers": 3}, "E207"),
    ],
)
def test_a_configuration_that_fits_nothing_is_refused(
    tiny: Path, tmp_path: Path, changes: dict[str, Any], code: str
) -> None:
    load(with_config(tiny, tmp_path / "same"))
    assert refusal(with_config(tiny, tmp_path / "m", **changes)).code == code


@pytest.mark.parametrize(
    "rope",
    [
        {"rope_type": "linear", "factor": 2.0, "rope_theta": 10000.0},
        {"rope_type": "yarn", "factor": 2.0, "rope_theta": 10000.0},
    ],
)
def test_stretched_positions_reach_further(
    tiny: Path, tmp_path: Path, rope: dict[str, Any]
) -> None:
    folder = with_config(tiny, tmp_path / "m", rope_parameters=rope)
    with open_model(tiny) as plain, open_model(folder) as stretched:
        check_positions(read_config(plain), 64)
        check_positions(read_config(stretched), 128)
        for files, length in ((plain, 65), (stretched, 129)):
            with pytest.raises(SafetyRefusal, match=f"{length} tokens.* is 64"):
                check_positions(read_config(files), length)


@pytest.mark.parametrize("error", [IndexError, RuntimeError, ValueError])
def test_a_failing_forward_pass_is_the_models(error: type[Exception]) -> None:
    refused = pytest.raises(SafetyRefusal, match="its own windows: index out of range")
    with refused as caught, forward_pass():
        raise error("index out of\nrange")
    assert caught.value.code == "E207"
    with pytest.raises(MemoryError), forward_pass():
        torch.empty(1 << 60)
    with forward_pass():
        torch.empty(1)


def test_no_key_of_a_configuration_points_to_other_weights(tiny: Path, tmp_path: Path) -> None:
    """`transformers_weights` names the file that the library would read instead: it never gets to
    the library."""

    def mark(tensors: Tensors) -> None:
        tensors["model.norm.weight"][:] = 7.0

    other = tmp_path / "other.safetensors"
    other.write_bytes((tiny / "model.safetensors").read_bytes())
    folder = edited(tiny, tmp_path / "m", mark)
    assert float(load(folder).model.model.norm.weight[0]) == 7.0
    folder = with_config(folder, tmp_path / "n", transformers_weights="../other.safetensors")
    err = refusal(folder)
    assert err.code == "E206"
    assert "`transformers_weights`" in err.message
