"""Where blocks of attention and feed-forward end, by the names of layers: what they put out there
is what goes to the residual stream."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from invarlock.evidence.families import Family, family_of

_LAST: Final = re.compile(
    r"(^|\.)(o_proj|out_proj|c_proj|down_proj|fc2|fc_out|dense_4h_to_h|wo|w2"
    r"|(self_attn|self_attention|attention)\.dense|attention\.output\.dense)$"
)
_LAYER: Final = re.compile(r"^.*?\.\d+\.")
POST_NORMS: Final = (
    ("post_attention_layernorm", "post_feedforward_layernorm"),
    ("post_self_attn_layernorm", "post_mlp_layernorm"),
)
"""Norms of what attention and feed-forward put out, before it is added (OLMo 2, Gemma 2 and 3;
GLM-4). One that has the first name alone is the norm before feed-forward, as in Llama."""


def block_ends(names: Iterable[str]) -> dict[str, Family]:
    """Of the layers ``names`` of a model, those whose output a block adds to the stream, with the
    family of the block: its last matrix, or the norm after it if that is among them."""
    there = set(names)
    found: dict[str, Family] = {}
    for name in sorted(there):
        if _LAST.search(name):
            family = family_of(name)
            found[_norm_after(name, family, there) or name] = family
    return found


def _norm_after(name: str, family: Family, there: set[str]) -> str | None:
    layer = _LAYER.match(name)
    if layer is None or family not in {"attn", "ffn"}:
        return None
    norms = (f"{layer[0]}{pair[family == 'ffn']}" for pair in POST_NORMS)
    return next((norm for norm in norms if norm in there), None)
