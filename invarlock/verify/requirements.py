"""Apply what the consumer requires of signatures, beside level and bar."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from invarlock.verify.request import VerifyRequest
from invarlock.verify.required import check_age, check_logged, check_timestamped
from invarlock.verify.result import Finding
from invarlock.verify.signatures import Signature


def check_required(request: VerifyRequest, signatures: Sequence[Signature]) -> Iterator[Finding]:
    """What ``--require`` and ``--max-age`` ask for of signatures and these do not prove."""
    signers = [one.signer for one in signatures]
    if "log" in request.require:
        yield from check_logged(signers)
    if "timestamp" in request.require:
        yield from check_timestamped(signers)
    if request.max_age is not None and request.now is not None:
        yield from check_age(signers, request.max_age, request.now)
