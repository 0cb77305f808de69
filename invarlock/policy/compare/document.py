"""IR files: bars and policies read back from JSON, strictly. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from invarlock.canonical import Json, StrictJsonError, canonical_bytes, strict_json
from invarlock.errors import UsageFault
from invarlock.policy.compare.form import bar_faults, policy_faults
from invarlock.policy.ir import BarIR, PolicyIR

MAX_BYTES: Final = 16 << 20
"""Size of an IR file, in bytes: a bar of 10,000 gates fits five times over."""

_HINT: Final = "name a policy, an IR that `policy compile` wrote, or an attestation"


def strict_document(data: bytes, name: str) -> dict[str, Json]:
    """The JSON object that ``data`` holds, read strictly.

    Raises :class:`UsageFault` E134 for anything else; messages call it ``name``.
    """
    try:
        value = strict_json(data, max_bytes=MAX_BYTES)
        canonical_bytes(value)  # no floats, which no IR holds
    except (StrictJsonError, TypeError) as err:
        raise _not_comparable(name, f"is not strict JSON: {err}") from err
    if not isinstance(value, dict):
        raise _not_comparable(name, "is no JSON object")
    return value


def parse_ir(data: bytes, name: str) -> BarIR | PolicyIR:
    """The bar or policy whose IR is ``data``, in its one form. Raises :class:`UsageFault` E134."""
    from pydantic import ValidationError

    from invarlock.policy.read_ir import read_bar_ir, read_policy_ir

    kind = strict_document(data, name).get("ir")
    try:
        if kind == "invarlock.bar/1":
            bar = read_bar_ir(data)
            in_form(bar_faults(bar), name)
            return bar
        if kind == "invarlock.policy/1":
            policy = read_policy_ir(data)
            in_form(policy_faults(policy), name)
            return policy
    except ValidationError as err:
        first = err.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))[:120]
        why = f"is no IR of this version: `{where}` {first['msg'][:1].lower()}{first['msg'][1:]}"
        raise _not_comparable(name, why.split("\n", maxsplit=1)[0]) from err
    raise _not_comparable(name, "has no `ir` of this version")


def in_form(faults: Iterator[str], name: str) -> None:
    """Refuse what has the first of ``faults``, if there is one. Raises :class:`UsageFault` E134."""
    why = next(faults, None)
    if why is not None:
        raise _not_comparable(name, f"holds {why}")


def _not_comparable(name: str, why: str) -> UsageFault:
    return UsageFault("E134", f"cannot compare: `{name}` {why}", _HINT)
