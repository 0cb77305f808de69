"""A model that sees later tokens is refused, however it came to see them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from invarlock.artifacts.model_files import check_config, open_model
from invarlock.errors import InvarlockError
from invarlock.measure.causality import check_causal
from invarlock.measure.loading import load_model, read_config
from tests.measure.arms import measure
from tests.measure.tiny import VOCABULARY

WINDOW = np.random.default_rng(1).integers(4, VOCABULARY, size=16, dtype=np.uint32)


def load(folder: Path) -> Any:
    with open_model(folder) as files:
        return load_model(folder, files, read_config(files)).model


def test_a_causal_model_is_let_through(tiny: Path) -> None:
    check_causal(load(tiny), WINDOW)


def test_a_model_without_its_causal_mask_is_refused(tiny: Path) -> None:
    model = load(tiny)
    model.config.is_causal = False
    for layer in model.model.layers:
        layer.self_attn.is_causal = False
    with pytest.raises(InvarlockError) as caught:
        check_causal(model, WINDOW)
    assert caught.value.code == "E210"


@pytest.mark.parametrize(
    ("key", "bad", "good"),
    [
        ("is_causal", False, True),
        ("use_bidirectional_attention", True, False),
        ("transformers_weights", "sub/evil.safetensors", None),
    ],
)
def test_a_configuration_that_says_so_is_refused(
    tiny: Path, tmp_path: Path, key: str, bad: object, good: object
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny, folder)
    config = json.loads((folder / "config.json").read_text())
    assert check_config(json.dumps({**config, key: good}).encode())[key] == good
    for spoiled in ({**config, key: bad}, {**config, "text_config": {key: bad}}):
        with pytest.raises(InvarlockError) as caught:
            check_config(json.dumps(spoiled).encode())
        assert caught.value.code == "E206"
        assert key in caught.value.message


def test_a_configuration_that_breaks_the_forward_pass_is_the_models_fault(
    tiny: Path, tmp_path: Path, data: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "return_dict": False}))
    with pytest.raises(InvarlockError) as caught:
        measure(tmp_path / "run", tiny, folder, data)
    assert caught.value.code == "E207"
