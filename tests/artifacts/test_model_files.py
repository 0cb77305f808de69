"""Index, shards, headers and configuration must tell one story and ask for no code."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from invarlock.artifacts.folder import open_folder
from invarlock.artifacts.model_files import check_bound, check_config, open_model, shards_of
from invarlock.errors import EnvironmentFault, SafetyRefusal
from tests.artifacts.models import good_file, one_tensor, safetensors, write_model, write_sharded

INDEX = "model.safetensors.index.json"
FIRST = "model-00001-of-00002.safetensors"


def refused(folder: Path) -> SafetyRefusal:
    with pytest.raises(SafetyRefusal) as caught, open_model(folder):
        pass
    return caught.value


def test_a_good_model(tmp_path: Path) -> None:
    with open_model(write_model(tmp_path / "m")) as model:
        assert list(model.tensors) == ["a.weight", "b.weight"]
        assert model.read("b.weight") == bytes(range(16, 24))
        assert model.config == {"model_type": "llama"}
        with pytest.raises(KeyError):
            model.read("c.weight")


def test_a_good_sharded_model(tmp_path: Path) -> None:
    with open_model(write_sharded(tmp_path / "m")) as model:
        assert list(model.tensors) == ["x", "y"]


def test_a_missing_shard(tmp_path: Path) -> None:
    folder = write_sharded(tmp_path / "m")
    (folder / FIRST).unlink()
    fault = refused(folder)
    assert (fault.code, fault.exit_code) == ("E203", 5)
    assert FIRST in fault.message


def test_an_unlisted_shard(tmp_path: Path) -> None:
    folder = write_sharded(tmp_path / "m")
    (folder / "extra.safetensors").write_bytes(one_tensor("z"))
    assert refused(folder).code == "E203"


def test_both_an_index_and_a_single_file(tmp_path: Path) -> None:
    folder = write_sharded(tmp_path / "m")
    (folder / "model.safetensors").write_bytes(good_file())
    assert refused(folder).code == "E203"


def test_shards_without_an_index(tmp_path: Path) -> None:
    folder = write_sharded(tmp_path / "m")
    (folder / INDEX).unlink()
    assert refused(folder).code == "E203"


@pytest.mark.parametrize("tensor", ["x", "z"])
def test_index_and_headers_must_agree(tmp_path: Path, tensor: str) -> None:
    """A tensor in another shard than listed, and one that no shard has."""
    folder = write_sharded(tmp_path / "m")
    index = json.loads((folder / INDEX).read_text())
    index["weight_map"][tensor] = "model-00002-of-00002.safetensors"
    (folder / INDEX).write_text(json.dumps(index))
    if tensor == "x":
        (folder / FIRST).unlink()
    assert refused(folder).code == "E203"


def test_a_tensor_in_two_shards(tmp_path: Path) -> None:
    folder = write_sharded(tmp_path / "m")
    (folder / FIRST).write_bytes(one_tensor("y"))
    assert refused(folder).code == "E203"


@pytest.mark.parametrize(
    "index",
    [
        b"{}",
        b"[]",
        b'{"weight_map": {}}',
        b'{"weight_map": {"x": "../model.safetensors"}}',
        b'{"weight_map": {"x": "/etc/passwd"}}',
        b'{"weight_map": {"x": "sub/model.safetensors"}}',
        b'{"weight_map": {"x": "model.bin"}}',
        b'{"weight_map": {"x": 1}}',
        b'{"weight_map": {"x": "a.safetensors", "x": "b.safetensors"}}',
        b'{"weight_map": {"x": "a.safetensors"}, "code": "y"}',
        b'{"weight_map"',
    ],
)
def test_a_malformed_index(index: bytes) -> None:
    with pytest.raises(SafetyRefusal) as fault:
        shards_of(["a.safetensors", "b.safetensors"], index)
    assert fault.value.code == "E202"
    good = b'{"weight_map": {"x": "a.safetensors", "y": "b.safetensors"}}'
    assert shards_of(["a.safetensors", "b.safetensors"], good) == ("a.safetensors", "b.safetensors")


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"auto_map": {"AutoModel": "modeling.Evil"}}, "E204"),
        ({"text_config": {"auto_map": {"AutoModel": "modeling.Evil"}}}, "E204"),
        ({"parts": [{"auto_map": {"AutoModel": "modeling.Evil"}}]}, "E204"),
        ({"custom_pipelines": {"p": {"impl": "evil.P"}}}, "E204"),
        ({"custom_generate": "org/evil"}, "E204"),
        ({"trust_remote_code": True}, "E204"),
        ({"_attn_implementation_internal": "sdpa"}, "E204"),
        ({"_attn_implementation": "org/kernel"}, "E204"),
        ({"attn_implementation": {"text_config": "org/kernel"}}, "E204"),
        ({"attn_implementation": ["org/kernel"]}, "E204"),
        ({"_experts_implementation": "org/kernel"}, "E204"),
        ({"quantization_config": {"quant_method": "gptq"}}, "E210"),
        ({"compression_config": {}}, "E210"),
    ],
)
def test_a_configuration_that_asks_for_code(config: dict[str, object], code: str) -> None:
    with pytest.raises(SafetyRefusal) as fault:
        check_config(json.dumps(config).encode())
    assert (fault.value.code, fault.value.exit_code) == (code, 5)


@pytest.mark.parametrize(
    "config",
    [
        {"model_type": "llama", "rope_scaling": None, "rms_norm_eps": 1e-05},
        {"auto_map": None, "trust_remote_code": False, "quantization_config": None},
        {"_attn_implementation": "sdpa", "_attn_implementation_autoset": True},
        {"attn_implementation": {"": "eager", "text_config": None}},
    ],
)
def test_a_configuration_that_does_not(config: dict[str, object]) -> None:
    assert check_config(json.dumps(config).encode()) == config


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{", b'{"a": NaN}', b'{"a": 1e999}', b'{"a": 1, "a": 2}', b'{"a": "\\ud800"}'],
)
def test_a_malformed_configuration(data: bytes) -> None:
    with pytest.raises(SafetyRefusal) as fault:
        check_config(data)
    assert fault.value.code == "E206"


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "generation_config.json"])
def test_every_configuration_of_the_folder_is_checked(tmp_path: Path, name: str) -> None:
    folder = write_model(tmp_path / "m")
    (folder / name).write_text("{}")
    with open_model(folder):
        pass
    (folder / name).write_text('{"auto_map": {"AutoTokenizer": ["evil.T", null]}}')
    fault = refused(folder)
    assert fault.code == "E204"
    assert name in fault.message


def test_a_missing_configuration(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "m")
    (folder / "config.json").unlink()
    assert refused(folder).code == "E206"


def test_messages_cannot_steer_a_terminal() -> None:
    for config in ({"\x1b[2J_implementation": "x"}, {"a\u202e_implementation": "x"}):
        with pytest.raises(SafetyRefusal) as fault:
            check_config(json.dumps(config).encode())
        assert str(fault.value).isascii()
        assert str(fault.value).isprintable()
    with pytest.raises(SafetyRefusal) as index_fault:
        shards_of([], b'{"weight_map": {"\\u001b[2J": 1}}')
    assert str(index_fault.value).isprintable()
    with pytest.raises(SafetyRefusal) as duplicate:
        check_config(b'{"\\u001b": 1, "\\u001b": 2}')
    assert str(duplicate.value).isprintable()


def test_a_malformed_shard_names_it(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "m", model__safetensors=safetensors(b"{}", b"x"))
    fault = refused(folder)
    assert fault.code == "E202"
    assert "model.safetensors" in fault.message


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault), open_model(tmp_path / "none"):
        pass


def test_bound_files_are_hashed_again(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "m")
    with open_folder(folder, budget=0) as opened:
        expected = opened.expected("m")
        check_bound(tmp_path, expected)
        with (folder / "model.safetensors").open("r+b") as file:
            file.seek(-1, os.SEEK_END)
            file.write(b"!")
        with pytest.raises(SafetyRefusal) as fault:
            check_bound(tmp_path, expected)
    assert fault.value.code == "E209"
