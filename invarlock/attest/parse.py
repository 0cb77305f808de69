"""One strict way to turn signed or stored bytes into a model, with a code for what is wrong."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from invarlock.canonical import Json, StrictJsonError, check_exact, strict_json
from invarlock.errors import VerificationFault

M = TypeVar("M", bound=BaseModel)
_ASK = "do not deploy; ask the producer"


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


def describe(err: ValidationError) -> str:
    """All faults of ``err`` in one line: each field's path and what is wrong with it."""
    faults = err.errors(include_url=False, include_input=False, include_context=False)
    told = [f"`{path_of(fault['loc'])}` {_lower(fault['msg'])}" for fault in faults[:8]]
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


def _lower(message: str) -> str:
    first = message.split("\n", maxsplit=1)[0]
    return first[:1].lower() + first[1:]
