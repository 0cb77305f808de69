"""Configurations of packed weights: known to the letter, or refused; nothing else comes of one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invarlock.artifacts.packed import Packing, packing_of
from invarlock.errors import SafetyRefusal

GPTQ: dict[str, Any] = {"quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": False}
AWQ: dict[str, Any] = {
    "quant_method": "awq", "bits": 4, "group_size": -1, "zero_point": True, "version": "GEMM",
}  # fmt: skip
COMPRESSED: dict[str, Any] = {
    "quant_method": "compressed-tensors",
    "format": "pack-quantized",
    "ignore": ["lm_head"],
    "kv_cache_scheme": None,
    "quantization_status": "compressed",
    "config_groups": {
        "group_0": {
            "targets": ["Linear"],
            "input_activations": None,
            "output_activations": None,
            "weights": {
                "num_bits": 4, "type": "int", "symmetric": True, "strategy": "group",
                "group_size": 32, "dynamic": False, "actorder": None, "block_structure": None,
            },
        }
    },
}  # fmt: skip

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("config", "packing"),
    [
        (GPTQ, Packing("gptq", 4, group=128)),
        ({**GPTQ, "sym": True, "format": "gptq"}, Packing("gptq", 4, group=128)),
        (
            {**GPTQ, "sym": False, "desc_act": True, "checkpoint_format": "gptq_v2"},
            Packing("gptq_v2", 4, symmetric=False, reordered=True, group=128),
        ),
        ({**GPTQ, "desc_act": True, "group_size": -1}, Packing("gptq", 4)),
        (AWQ, Packing("awq", 4, symmetric=False, group=0)),
        (COMPRESSED, Packing("dense", 4, group=32)),
    ],
)
def test_known_packings(config: dict[str, Any], packing: Packing) -> None:
    assert packing_of(config, "config.json") == packing


def came_of(config: dict[str, Any]) -> Packing | str:
    try:
        return packing_of(config, "config.json")
    except SafetyRefusal as refusal:
        return str(refusal)


@given(st.sampled_from([GPTQ, AWQ, COMPRESSED]), st.data())
def test_one_value_of_any_kind_makes_a_packing_or_a_refusal(
    config: dict[str, Any], data: st.DataObject
) -> None:
    key = data.draw(st.sampled_from(sorted(config)))
    changed = {**config, key: data.draw(JSON)}
    found = came_of(changed)
    assert isinstance(found, Packing) or found.startswith("[INVARLOCK:E210] ")
    assert "\n" not in str(found)


@given(JSON, st.text(max_size=8))
def test_what_no_one_knows_is_refused(value: Any, key: str) -> None:
    for config in (GPTQ, AWQ, COMPRESSED):
        with pytest.raises(SafetyRefusal) as caught:
            packing_of({**config, f"x-{key}": value}, "config.json")
        assert caught.value.code == "E210"
    with pytest.raises(SafetyRefusal):
        packing_of(value, "config.json")
