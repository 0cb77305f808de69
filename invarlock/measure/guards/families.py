"""Which family a tensor belongs to, by its name."""

from __future__ import annotations

import re
from typing import Final, Literal

Family = Literal["attn", "embed", "ffn", "other"]

_NORM: Final = re.compile(r"(^|[._])(ln|norm|layernorm|rmsnorm)([._\d]|$)|norm", re.IGNORECASE)
_EMBED: Final = re.compile(
    r"(^|\.)(embed\w*|tok_embeddings|wte|wpe|word_embeddings\w*|position_embeddings|lm_head"
    r"|output)(\.|$)"
)
_ATTN: Final = re.compile(
    r"(^|[._])(attn|attention|self_attention|q_proj|k_proj|v_proj|o_proj|qkv|qkv_proj|c_attn"
    r"|query_key_value)([._]|$)"
)
_FFN: Final = re.compile(
    r"(^|[._])(mlp|ffn|feed_forward|feedforward|fc\d*|fc_in|fc_out|gate_proj|up_proj|down_proj"
    r"|gate_up_proj|experts|block_sparse_moe|dense_h_to_4h|dense_4h_to_h)([._]|$)"
)


def family_of(name: str) -> Family:
    """``attn``, ``embed`` (with the output head), ``ffn`` or ``other`` (norms and the rest)."""
    if _NORM.search(name):
        return "other"
    if _ATTN.search(name):
        return "attn"
    if _FFN.search(name):
        return "ffn"
    return "embed" if _EMBED.search(name) else "other"
