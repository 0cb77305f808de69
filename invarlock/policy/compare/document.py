"""IR files: bars and policies read back from JSON, strictly. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from invarlock.canonical import StrictJsonError, strict_json
from invarlock.errors import UsageFault
from invarlock.policy.compare.form import bar_faults, policy_faults
from invarlock.policy.diagnostics import printable, shown
from invarlock.policy.ir import BarIR, PolicyIR

MAX_BYTES: Final = 40 << 20
"""Size of an IR file, in bytes: more than `policy compile` can write, which is 144 bars, each with
1,000 values of both digests and 64 signers of four globs, and 10,000 gates with slices over all."""
_MAX_COMMAS: Final = 1 << 19
"""Commas between what an IR file holds, by the same count: what it becomes when it is read takes
memory by the piece, and not by the byte."""

_HINT: Final = "name a policy, an IR that `policy compile` wrote, or an attestation"


def parse_ir(data: bytes, name: str) -> BarIR | PolicyIR | None:
    """The bar or policy whose IR is ``data``, in its one form; ``None`` for a bundle.

    Raises :class:`UsageFault` E134 for anything else; messages call it ``name``.
    """
    from pydantic import ValidationError

    from invarlock.policy.read_ir import read_bar_ir, read_policy_ir

    try:
        match _kind(data, name):
            case None:
                return None
            case "invarlock.bar/1":
                bar = read_bar_ir(data)
                in_form(bar_faults(bar), name)
                return bar
            case "invarlock.policy/1":
                policy = read_policy_ir(data)
                in_form(policy_faults(policy), name)
                return policy
            case _:
                raise _not_comparable(name, "has no `ir` of this version")
    except ValidationError as err:
        first = err.errors(include_url=False, include_input=False, include_context=False)[0]
        where = printable(".".join(map(str, first["loc"]))[:120])
        why = f"is no IR of this version: `{where}` {first['msg'][:1].lower()}{first['msg'][1:]}"
        raise _not_comparable(name, why.split("\n", maxsplit=1)[0]) from err


def _kind(data: bytes, name: str) -> str | None:
    """What the JSON object ``data`` says that it is; ``None`` for a bundle."""
    try:
        value = strict_json(data, max_bytes=MAX_BYTES, max_commas=_MAX_COMMAS)
    except StrictJsonError as err:
        raise _not_comparable(name, f"is not strict JSON: {shown(str(err))}") from err
    if not isinstance(value, dict):
        raise _not_comparable(name, "is no JSON object")
    return None if "mediaType" in value else str(value.get("ir"))


def in_form(faults: Iterator[str], name: str) -> None:
    """Refuse what has the first of ``faults``, if there is one. Raises :class:`UsageFault` E134."""
    why = next(faults, None)
    if why is not None:
        raise _not_comparable(name, f"holds {why}")


def _not_comparable(name: str, why: str) -> UsageFault:
    return UsageFault("E134", f"cannot compare: `{name}` {why}", _HINT)
