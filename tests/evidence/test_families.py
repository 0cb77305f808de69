"""Families by tensor name, over the naming habits of many architectures."""

from __future__ import annotations

import pytest

from invarlock.evidence.families import family_of


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
        ("output.weight", "embed"),
        ("tok_embeddings.weight", "embed"),
        ("bert.encoder.layer.0.attention.output.dense.weight", "attn"),
        ("bert.encoder.layer.0.attention.output.LayerNorm.weight", "other"),
        ("bert.encoder.layer.0.intermediate.dense.weight", "ffn"),
        ("bert.encoder.layer.0.output.dense.weight", "ffn"),
        ("bert.encoder.layer.0.output.LayerNorm.weight", "other"),
        ("cls.predictions.transform.dense.weight", "embed"),
        ("cls.predictions.decoder.weight", "embed"),
        ("distilbert.transformer.layer.0.attention.out_lin.weight", "attn"),
        ("distilbert.transformer.layer.0.ffn.lin2.weight", "ffn"),
        ("vocab_projector.weight", "embed"),
        ("shared.weight", "embed"),
        ("encoder.block.0.layer.0.SelfAttention.q.weight", "attn"),
        ("decoder.block.0.layer.1.EncDecAttention.k.weight", "attn"),
        ("decoder.block.0.layer.2.DenseReluDense.wi_0.weight", "ffn"),
        ("decoder.block.0.layer.2.DenseReluDense.wo.weight", "ffn"),
        ("decoder.block.0.layer.2.layer_norm.weight", "other"),
        ("model.layers.0.mlp.shared_expert.up_proj.weight", "ffn"),
        ("bert.pooler.dense.weight", "other"),
        ("classifier.weight", "other"),
        ("score.weight", "other"),
    ],
)
def test_family_by_name(name: str, family: str) -> None:
    assert family_of(name) == family
