"""One strict way to turn signed or stored bytes into a model, with a code for what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from invarlock.canonical import (
    Json,
    StrictJsonError,
    check_exact,
    is_canonical,
    strict_json,
)
from invarlock.errors import VerificationFault

M = TypeVar("M", bound=BaseModel)
_ASK = "do not deploy; ask the producer"
_MAX_PATH = 120
"""Characters of a field's path that a message repeats."""


def parse_model(model: type[M], data: bytes, *, what: str, max_bytes: int, read: Json = None) -> M:
    """``data`` as ``model``, every field present, known and well formed.

    The JSON is read strictly first, so that no second reader can see other keys or numbers than
    the model did; ``read`` is what :func:`strict_json` gave where the caller has called it. Raises
    :class:`VerificationFault` E405 naming all fields at fault.
    """
    try:
        check_exact(strict_json(data, max_bytes=max_bytes) if read is None else read)
        return model.model_validate_json(data)
    except StrictJsonError as err:
        raise VerificationFault("E405", f"{what} is not strict JSON: {err}", _ASK) from err
    except TypeError as err:
        raise VerificationFault("E405", f"{what} has no canonical form: {err}", _ASK) from err
    except ValidationError as err:
        raise VerificationFault("E405", f"{what}: {describe(err)}", _ASK) from err


def parse_exact(model: type[M], data: bytes, value: Json, *, what: str) -> M:
    """``data``, whose strict reading is ``value``, as ``model``, spelled in the one canonical way.

    Fields that the model has a default for must be there too, so that what is absent claims
    nothing. Raises :class:`VerificationFault` E405 naming what is at fault.
    """
    try:
        if not is_canonical(value, data):
            raise VerificationFault("E405", f"{what} is not in canonical form (RFC 8785)", _ASK)
        found = model.model_validate_json(data)
    except TypeError as err:
        raise VerificationFault("E405", f"{what} has no canonical form: {err}", _ASK) from err
    except ValidationError as err:
        raise VerificationFault("E405", f"{what}: {describe(err)}", _ASK) from err
    absent = _absent(found.model_dump(mode="json", by_alias=True), value)
    if absent is not None:
        raise VerificationFault("E405", f"{what}: `{path_of(absent)}` field required", _ASK)
    return found


def _absent(whole: Json, value: Json) -> tuple[int | str, ...] | None:
    """Where ``value`` lacks what ``whole`` has."""
    if whole == value:
        return None
    if isinstance(whole, dict) and isinstance(value, dict):
        for name, part in whole.items():
            if name not in value:
                return (name,)
            if (found := _absent(part, value[name])) is not None:
                return (name, *found)
    if isinstance(whole, list) and isinstance(value, list):
        for index, (part, other) in enumerate(zip(whole, value, strict=False)):
            if (found := _absent(part, other)) is not None:
                return (index, *found)
    return ()


def describe(err: ValidationError) -> str:
    """All faults of ``err`` in one line: each field's path and what is wrong with it."""
    faults = err.errors(include_url=False, include_input=False, include_context=False)
    told = [f"`{_cut(path_of(fault['loc']))}` {_lower(fault['msg'])}" for fault in faults[:8]]
    more = f", and {len(faults) - 8} more" if len(faults) > 8 else ""
    return ", ".join(told) + more


def path_of(location: tuple[int | str, ...]) -> str:
    """``("gates", 0, "verdict")`` as ``gates[0].verdict``."""
    out = ""
    for part in location:
        if isinstance(part, int):
            out += f"[{part}]"
        else:
            out += f".{part}" if out else part
    return out or "document"


def _cut(path: str) -> str:
    return path if len(path) <= _MAX_PATH else path[: _MAX_PATH - 1] + "…"


def _lower(message: str) -> str:
    first = message.split("\n", maxsplit=1)[0]
    return first[:1].lower() + first[1:]


def foreign_names(node: object) -> Iterator[str]:
    """Names in ``node`` that are not those of protobuf's JSON, which are in camelCase.

    Sigstore's client reads the snake_case names of Python, too. A second spelling serves nobody but
    who would hide a field from a reader of the first.
    """
    if isinstance(node, dict):
        yield from (name for name in node if "_" in name)
    for one in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from foreign_names(one)
