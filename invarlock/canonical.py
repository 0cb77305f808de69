"""Canonical JSON, digests, strict JSON reading and fixed-point numbers.

Everything that is hashed or signed goes through here, so that one byte string stands for one
meaning (RFC 8785) and one meaning is never read in two ways.
"""

from __future__ import annotations

import hashlib
import json
import re
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Final

Json = None | bool | int | str | list["Json"] | dict[str, "Json"]

NANO: Final = 10**9
"""Evidence numbers are int64 in units of 1e-9 (DESIGN section 4)."""

NON_FINITE: Final = -(2**63)
"""The int64 flag for a number that was NaN or infinite. No gate passes on it."""

_QUANTUM: Final = Decimal(1).scaleb(-9)
_MAX_SAFE: Final = 2**53 - 1
# Possessive, and content with a string that never ends: linear in the input, whatever it is.
_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_NO_BRACKETS: Final = bytes(sorted(set(range(256)) - set(b"[]{}")))
_OPENING: Final = b"[{"


def canonical_bytes(value: object) -> bytes:
    """RFC 8785 bytes of ``value``.

    Floats are refused: their shortest form is no exact decimal, and nothing hashed here needs
    one. Raises :class:`TypeError` on a float, on integers outside ±(2**53-1), on lone surrogates
    and on other types.
    """
    try:
        return _ENCODER.encode(_ordered(value)).encode()
    except UnicodeEncodeError as err:
        raise TypeError("lone surrogate in a string") from err


def check_exact(value: Json) -> None:
    """Raise :class:`TypeError` for what :func:`canonical_bytes` refuses of what JSON can hold."""
    waiting: list[Json] = [value]
    for one in waiting:
        if isinstance(one, dict):
            waiting.extend(item for item in one.values() if type(item) is not str)
        elif isinstance(one, list):
            waiting.extend(item for item in one if type(item) is not str)
        else:
            _ordered(one)


def is_canonical(value: Json, data: bytes) -> bool:
    """Whether ``data`` is the RFC 8785 form of ``value``, which was read from it.

    Raises :class:`TypeError` as :func:`canonical_bytes`.
    """
    check_exact(value)
    # Of keys in ASCII all orders are one, and the encoder's own is quick.
    if data.isascii() and _SORTING.encode(value).encode() == data:
        return True
    return canonical_bytes(value) == data


# Without spaces, and escaping no more than RFC 8785 does; it sorts nothing, `_ordered` has.
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False)
_SORTING: Final = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), check_circular=False, sort_keys=True
)


def _ordered(value: object) -> Json:
    """``value`` with the keys of all objects in the order of their UTF-16 code units."""
    if isinstance(value, str) or value is None:
        return value
    if isinstance(value, int):
        if not -_MAX_SAFE <= value <= _MAX_SAFE:
            raise TypeError("integer outside the safe range of JSON")
        return value
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in _keys(value)}
    if isinstance(value, list | tuple):
        return [item if isinstance(item, str) else _ordered(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no canonical form here")


def _keys(value: dict[object, object]) -> list[str]:
    keys = [key for key in value if isinstance(key, str)]
    if len(keys) != len(value):
        raise TypeError("object key is not a string")
    if all(map(str.isascii, keys)):  # the order is the same, and there without encoding
        return sorted(keys)
    return sorted(keys, key=lambda key: key.encode("utf-16-be"))


def digest_bytes(data: bytes | memoryview) -> str:
    """``sha256:`` and 64 hex digits of ``data``."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest_json(value: object) -> str:
    """``sha256:`` and 64 hex digits of the RFC 8785 form of ``value``."""
    return digest_bytes(canonical_bytes(value))


class StrictJsonError(ValueError):
    """JSON that could be read in two ways, or that is larger or deeper than allowed."""


def strict_json(
    data: bytes, *, max_bytes: int = 64 << 20, max_depth: int = 64, max_commas: int | None = None
) -> Json:
    """Parse JSON, refusing whatever two readers could read differently.

    Refused: more than ``max_bytes``, nesting deeper than ``max_depth``, more than
    ``max_commas`` outside strings (so many pieces take memory), duplicate keys, NaN and infinities,
    floats that overflow, integers over 40 digits, lone surrogates, invalid UTF-8.
    Floats are returned as such (model configurations hold them); canonical_bytes refuses them.
    Raises :class:`StrictJsonError`.
    """
    if len(data) > max_bytes:
        raise StrictJsonError(f"larger than {max_bytes} bytes")
    bare = _outside_strings(data)
    _check_depth(bare, max_depth)
    if max_commas is not None and bare.count(b",") > max_commas:
        raise StrictJsonError(f"more than {max_commas} commas")
    try:
        text = data.decode("utf-8")
        value: Json = json.loads(
            text,
            object_pairs_hook=_pairs,
            parse_constant=_constant,
            parse_float=_float,
            parse_int=_int,
        )
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as err:
        raise StrictJsonError(str(err).split("\n", maxsplit=1)[0]) from err
    if b"\\u" in data:  # UTF-8 itself holds no surrogates; only an escape can spell one
        _check_surrogates(value)
    return value


def _outside_strings(data: bytes) -> bytes:
    if b"\\" in data:
        return _STRING.sub(b"", data)
    return b"".join(data.split(b'"')[::2])  # where nothing is escaped, every quote ends a string


def _check_depth(bare: bytes, limit: int) -> None:
    depth = 0
    for bracket in bare.translate(None, _NO_BRACKETS):
        depth += 1 if bracket in _OPENING else -1
        if depth > limit:
            raise StrictJsonError(f"nested deeper than {limit}")


def _pairs(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    out = dict(pairs)
    if len(out) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for at, key in enumerate(keys) if key in keys[:at])
        raise StrictJsonError(f"duplicate key `{twice[:120]}`")
    return out


def _constant(name: str) -> Json:
    raise StrictJsonError(f"{name} is not a JSON number")


def _float(text: str) -> Json:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise StrictJsonError(f"number `{text[:40]}` overflows")
    return value  # type: ignore[return-value]  # callers that hash refuse floats


def _int(text: str) -> int:
    if len(text) > 40:
        raise StrictJsonError("integer of more than 40 digits")
    return int(text)


def _check_surrogates(value: Json) -> None:
    if isinstance(value, str):
        if any(0xD800 <= ord(char) <= 0xDFFF for char in value):
            raise StrictJsonError("lone surrogate in a string")
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_surrogates(key)
            _check_surrogates(item)
    elif isinstance(value, list):
        for item in value:
            _check_surrogates(item)


def quantise(value: Decimal) -> Decimal:
    """``value`` rounded half-even to a multiple of 1e-9."""
    with localcontext() as ctx:
        ctx.prec = 60
        return value.quantize(_QUANTUM, rounding=ROUND_HALF_EVEN)


def decimal_text(value: Decimal) -> str:
    """The one spelling of an exact decimal: no exponent, no trailing zeros, no ``-0``."""
    if not value.is_finite():
        raise ValueError("not a finite decimal")
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def nano_decimal(value: int) -> Decimal:
    """The decimal that ``value`` units of 1e-9 stand for, exactly."""
    return Decimal(value).scaleb(-9)
