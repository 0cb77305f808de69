"""The bar that a run was made for, from its IR alone, where nothing is compiled again.

The signed statement names the bar's semantic digest and the digest of the IR's file; who holds
that file knows the bar, and need not trust a word in it.
"""

from __future__ import annotations

from typing import Final

from pydantic import ValidationError

from invarlock.attest.parse import describe, parse_model
from invarlock.attest.predicate import REPORT_FILE, Predicate
from invarlock.canonical import StrictJsonError, canonical_bytes, strict_json
from invarlock.errors import VerificationFault
from invarlock.judge.records import MAX_REPORT_BYTES, Report
from invarlock.policy.compare.form import bar_faults
from invarlock.policy.ir import BarIR
from invarlock.policy.read_ir import read_bar_ir
from invarlock.verify.bound import BAR_FILE, RunContents

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


def bar_at_hand(contents: RunContents, predicate: Predicate) -> BarIR | None:
    """The bar from its own file or else from the report; ``None`` where neither is at hand.

    Raises as :func:`signed_bar`. That report and file have the digests that were signed is for
    level `bound` to say.
    """
    data = contents.files.get(BAR_FILE)
    if data is not None:
        return signed_bar(data, predicate, BAR_FILE)
    if contents.report is None:
        return None
    report = parse_model(
        Report, contents.report, what=f"`{REPORT_FILE}`", max_bytes=MAX_REPORT_BYTES
    )
    return signed_bar(canonical_bytes(report.resolved_policy.document()), predicate, REPORT_FILE)


def _malformed(name: str, why: str) -> VerificationFault:
    return VerificationFault("E405", f"`{name}` {why}", _HINT)
