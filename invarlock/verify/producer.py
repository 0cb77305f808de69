"""The bar that a run was made for, from its IR alone, where nothing is compiled again.

The signed statement names the bar's semantic digest and the digest of the IR's file; who holds
that file knows the bar, and need not trust a word in it.
"""

from __future__ import annotations

from typing import Final

from pydantic import ValidationError

from invarlock.attest.parse import describe
from invarlock.attest.predicate import Predicate
from invarlock.canonical import StrictJsonError, canonical_bytes, strict_json
from invarlock.errors import VerificationFault
from invarlock.policy.compare.form import bar_faults
from invarlock.policy.ir import BarIR
from invarlock.policy.read_ir import read_bar_ir

MAX_BAR: Final = 4 << 20
_HINT: Final = "do not deploy; ask the producer"


def signed_bar(data: bytes, predicate: Predicate, name: str) -> BarIR:
    """The bar that the file ``name`` of the bytes ``data`` holds, if it is the one signed.

    Raises :class:`VerificationFault` E405 for a file that no compiler wrote, and E404 where it is
    not the bar whose digest ``predicate`` names.
    """
    try:
        value = strict_json(data, max_bytes=MAX_BAR)
        bar = read_bar_ir(data)
    except StrictJsonError as err:
        raise _malformed(name, f"is not strict JSON: {err}") from err
    except ValidationError as err:
        raise _malformed(name, f"is no bar: {describe(err)}") from err
    if value != bar.document() or canonical_bytes(bar.document()) != data:
        raise _malformed(name, "is not in canonical form")
    fault = next(bar_faults(bar), None)
    if fault is not None:
        raise _malformed(name, f"holds {fault}")
    if bar.digest != predicate.policy.bar_digest:
        what = f"`{name}` is not the bar whose digest was signed"
        raise VerificationFault("E404", what, _HINT)
    return bar


def _malformed(name: str, why: str) -> VerificationFault:
    return VerificationFault("E405", f"`{name}` {why}", _HINT)
