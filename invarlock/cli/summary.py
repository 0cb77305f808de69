"""``invarlock verify --summary``: the options, read before anything is verified."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from invarlock.cli.secrets import Asked
from invarlock.errors import UsageFault

if TYPE_CHECKING:
    from invarlock.verify.request import VerifyRequest
    from invarlock.verify.result import VerificationResult


def summarising(
    request: VerifyRequest,
    out: Path | None,
    *,
    kind: str | None,
    key: str | None,
    public_key: Path | None,
    verifier: str | None,
    resource: str | None,
) -> Callable[[VerificationResult], None]:
    """What writes the summary of a result; nothing, where none is asked for.

    Raises :class:`UsageFault` E701 for options of a summary without ``--summary``, or that
    without a key, and as :func:`invarlock.verify.summary_file.ready` does.
    """
    others = {
        "--summary-type": kind,
        "--summary-key": key,
        "--summary-public-key": public_key,
        "--verifier-id": verifier,
        "--resource-uri": resource,
    }
    if out is None:
        for option, value in others.items():
            if value is not None:
                raise UsageFault("E701", f"{option} without --summary", "pass --summary F, too")
        return lambda result: None
    if key is None:
        raise UsageFault("E701", "no key to sign the summary with", "pass --summary-key URI")
    from invarlock.attest.signers import KeySigning
    from invarlock.verify.summary import VERIFIER
    from invarlock.verify.summary_file import SummaryRequest, ready, write_summary

    asked = SummaryRequest(
        out=out,
        key=KeySigning(key, public_key, Asked()),
        kind="svr" if kind == "svr" else "vsa",
        verifier=VERIFIER if verifier is None else verifier,
        resource=resource,
    )
    signer = ready(asked, request)
    return lambda result: write_summary(asked, signer, request, result, int(time.time()))
