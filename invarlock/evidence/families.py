"""Which family a tensor or layer belongs to, by its name alone."""

from __future__ import annotations

import re
from typing import Final, Literal

Family = Literal["attn", "embed", "ffn", "other"]

_NORM: Final = re.compile(r"norm|(^|[._])ln([._\d]|$)", re.IGNORECASE)
_ATTN: Final = re.compile(
    r"(^|[._])(attn|attention|self_attention|SelfAttention|EncDecAttention"
    r"|q_proj|k_proj|v_proj|o_proj|qkv|qkv_proj|c_attn|query_key_value)([._]|$)"
)
_FFN: Final = re.compile(
    r"(^|[._])(mlp|ffn|feed_forward|feedforward|fc\d*|fc_in|fc_out|gate_proj|up_proj|down_proj"
    r"|gate_up_proj|experts|block_sparse_moe|dense_h_to_4h|dense_4h_to_h|DenseReluDense"
    r"|intermediate|output\.dense)([._]|$)"
)
_EMBED: Final = re.compile(
    r"(^|\.)(embed\w*|tok_embeddings|wte|wpe|word_embeddings\w*|position_embeddings|shared"
    r"|lm_head|cls\.predictions|vocab_transform|vocab_projector)(\.|$)"
    r"|^(model\.)?output(\.|$)"
)


def family_of(name: str) -> Family:
    """``attn``, ``embed`` (with all of the output head), ``ffn`` or ``other``: norms, heads that
    classify, and what nobody knows.

    Who asks first has it: `attention.output.dense` is of attention, any other `output.dense` the
    end of a feed-forward block (BERT's names).
    """
    if _NORM.search(name):
        return "other"
    if _ATTN.search(name):
        return "attn"
    if _FFN.search(name):
        return "ffn"
    return "embed" if _EMBED.search(name) else "other"
