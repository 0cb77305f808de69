"""Log-probabilities per token, as serving engines give them for a prompt: one JSON line a document.

    {"id": "doc-1", "slice": "prose", "tokens": [464, 3290, 318], "logprobs": [null, -3.25, -1.5]}

``tokens`` are ids, or their texts; ``logprobs`` are natural logarithms, the first ``null``, since
nothing stands before the first token. ``id`` and ``slice`` may be left out. That is what an
OpenAI-compatible server gives for ``echo`` with ``logprobs`` (as ``tokens`` and
``token_logprobs``), and vLLM as ``prompt_logprobs``.
"""

from __future__ import annotations

from typing import Final

from invarlock.canonical import Json, digest_json
from invarlock.evidence.schedule import window_id
from invarlock.measure.logs.items import Item, label, log_losses

MAX_TOKENS: Final = 1 << 20
_KEYS: Final = frozenset({"id", "slice", "tokens", "logprobs"})


def parse_tokens(value: dict[str, Json], number: int, length: int) -> Item:
    """The document of one line, of at most ``length`` tokens. Raises :class:`ValueError`."""
    unknown = sorted(set(value) - _KEYS)
    if unknown:
        raise ValueError(f"has an unknown key `{unknown[0][:80]}`")
    tokens = value.get("tokens")
    if not isinstance(tokens, list) or not 2 <= len(tokens) <= MAX_TOKENS:
        raise ValueError("has no `tokens`, or a single one, of which nothing is scored")
    if len(tokens) > length:
        raise ValueError(f"has {len(tokens)} tokens, and `windows.length` allows {length}")
    ids = _ids(tokens)
    if ids is None and not all(isinstance(token, str) for token in tokens):
        raise ValueError("has `tokens` that are neither all ids nor all texts")
    content = digest_json({"tokens": tokens})
    return Item(
        line=number,
        content=content,
        id=content if ids is None else window_id(ids),
        document=label(value.get("id"), "id") or f"line:{number}",
        slice=label(value.get("slice"), "slice"),
        tokens=() if ids is None else ids,
        loss=log_losses(_logprobs(value.get("logprobs"), len(tokens))),
    )


def _ids(tokens: list[Json]) -> tuple[int, ...] | None:
    ids = tuple(
        token
        for token in tokens
        if isinstance(token, int) and not isinstance(token, bool) and 0 <= token < 1 << 32
    )
    return ids if len(ids) == len(tokens) else None


def _logprobs(found: Json, count: int) -> list[float]:
    if not isinstance(found, list) or len(found) != count:
        raise ValueError("has not one of `logprobs` for each token")
    if found[0] is not None:
        raise ValueError("scores its first token, before which nothing stands; write null")
    numbers = [
        float(n) for n in found[1:] if isinstance(n, int | float) and not isinstance(n, bool)
    ]
    if len(numbers) != count - 1:
        raise ValueError("has `logprobs` that are no numbers")
    return numbers
