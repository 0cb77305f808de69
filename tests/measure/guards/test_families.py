"""Families by tensor name, over the naming habits of many architectures."""

from __future__ import annotations

import pytest

from invarlock.measure.guards.families import family_of


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("model.embed_tokens.weight", "embed"),
        ("lm_head.weight", "embed"),
        ("embed_out.weight", "embed"),
        ("gpt_neox.embed_in.weight", "embed"),
        ("transformer.wte.weight", "embed"),
        ("transformer.wpe.weight", "embed"),
        ("model.decoder.embed_positions.weight", "embed"),
        ("model.layers.0.self_attn.q_proj.weight", "attn"),
        ("transformer.h.0.attn.c_attn.weight", "attn"),
        ("gpt_neox.layers.3.attention.query_key_value.weight", "attn"),
        ("gpt_neox.layers.3.attention.dense.weight", "attn"),
        ("model.layers.0.mlp.down_proj.weight", "ffn"),
        ("model.layers.0.block_sparse_moe.experts.1.w1.weight", "ffn"),
        ("model.decoder.layers.0.fc1.weight", "ffn"),
        ("transformer.h.0.mlp.c_proj.weight", "ffn"),
        ("gpt_neox.layers.0.mlp.dense_h_to_4h.weight", "ffn"),
        ("model.layers.0.input_layernorm.weight", "other"),
        ("model.layers.0.self_attn.q_norm.weight", "other"),
        ("transformer.h.0.ln_1.weight", "other"),
        ("model.norm.weight", "other"),
        ("something.else", "other"),
    ],
)
def test_family_by_name(name: str, family: str) -> None:
    assert family_of(name) == family
