"""Every place where two JSON documents differ."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from invarlock.canonical import Json

ABSENT: Final = "(absent)"
_SHOWN: Final = 160


def differences(signed: Json, recomputed: Json, at: str = "") -> Iterator[tuple[str, str, str]]:
    """``(path, signed, recomputed)`` of each differing leaf, in document order.

    Types differ too: ``1`` is not ``true``. A list or object that only one side has is one
    difference. Texts are canonical JSON, shortened.
    """
    if isinstance(signed, dict) and isinstance(recomputed, dict):
        for key in signed | recomputed:
            path = f"{at}.{key}" if at else key
            if key not in recomputed:
                yield path, shown(signed[key]), ABSENT
            elif key not in signed:
                yield path, ABSENT, shown(recomputed[key])
            else:
                yield from differences(signed[key], recomputed[key], path)
    elif isinstance(signed, list) and isinstance(recomputed, list):
        for index in range(max(len(signed), len(recomputed))):
            path = f"{at}[{index}]"
            if index >= len(recomputed):
                yield path, shown(signed[index]), ABSENT
            elif index >= len(signed):
                yield path, ABSENT, shown(recomputed[index])
            else:
                yield from differences(signed[index], recomputed[index], path)
    elif type(signed) is not type(recomputed) or signed != recomputed:
        yield at or "document", shown(signed), shown(recomputed)


def shown(value: Json) -> str:
    """Short text of a JSON value for people to read."""
    if isinstance(value, list | dict):
        text = f"{'list' if isinstance(value, list) else 'object'} of {len(value)}"
    else:
        text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
