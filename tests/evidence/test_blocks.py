"""Blocks end with their last matrix, or with a norm of what they put out."""

from __future__ import annotations

import pytest

from invarlock.evidence.blocks import block_ends


@pytest.mark.parametrize(
    ("names", "ends"),
    [
        (
            ["model.layers.0.self_attn.o_proj", "model.layers.0.mlp.down_proj", "model.norm"],
            {"model.layers.0.self_attn.o_proj": "attn", "model.layers.0.mlp.down_proj": "ffn"},
        ),
        (
            [
                "model.layers.0.self_attn.o_proj",
                "model.layers.0.post_attention_layernorm",
                "model.layers.0.mlp.down_proj",
                "model.layers.0.post_feedforward_layernorm",
                "model.layers.1.mlp.down_proj",
            ],
            {
                "model.layers.0.post_attention_layernorm": "attn",
                "model.layers.0.post_feedforward_layernorm": "ffn",
                "model.layers.1.mlp.down_proj": "ffn",
            },
        ),
        (
            ["model.layers.7.mlp.experts.3.down_proj", "model.layers.7.post_mlp_layernorm"],
            {"model.layers.7.post_mlp_layernorm": "ffn"},
        ),
        (["model.layers.0.post_attention_layernorm"], {}),
        (
            ["h.0.attn.c_proj", "h.0.mlp.c_proj", "h.0.mlp.c_fc", "wte"],
            {"h.0.attn.c_proj": "attn", "h.0.mlp.c_proj": "ffn"},
        ),
    ],
)
def test_the_layers_whose_output_is_added(names: list[str], ends: dict[str, str]) -> None:
    assert block_ends(names) == ends
    assert block_ends(reversed(names)) == ends
