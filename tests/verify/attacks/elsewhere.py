"""Attacks of the promised matrix that other tests make: they need a Sigstore or a boundary."""

from __future__ import annotations

from typing import Final

_KEYLESS: Final = "tests/verify/test_keyless.py::test_"
_AGAIN: Final = "tests/e2e/test_again.py::test_"
_NAMED: Final = f"{_KEYLESS}who_is_not_named_is_refused"
_CALLED: Final = f"{_KEYLESS}who_calls_a_trusted_workflow_is_not_it"
_EXPIRED: Final = f"{_KEYLESS}a_certificate_that_has_expired_since_is_good_by_its_time"
_BARRED: Final = f"{_KEYLESS}a_workflow_that_the_bar_does_not_name_is_refused"
_FOREIGN: Final = f"{_KEYLESS}what_belongs_to_another_signature_is_refused"

ELSEWHERE: Final[dict[str, tuple[str, ...]]] = {
    "wrong identity": (f"{_NAMED}[identity]",),
    "wrong issuer": (f"{_NAMED}[issuer]",),
    "wrong repository": (f"{_NAMED}[repository]",),
    "wrong ref": (f"{_NAMED}[ref]",),
    "a foreign repository calling the trusted reusable workflow": (
        f"{_CALLED}[1]",
        f"{_CALLED}[2]",
        f"{_BARRED}[a foreign repository calls the workflow]",
    ),
    "expired certificate with and without timestamp": (f"{_EXPIRED}[1]", f"{_EXPIRED}[2]"),
    "certificate under `--key` and the reverse": (
        f"{_KEYLESS}keys_and_certificates_are_not_confused",
    ),
    "proof for another leaf": (
        f"{_FOREIGN}[inclusionProof-E423-inclusion proof contains invalid root hash]",
    ),
    "evidence forged consistently throughout, which `judged` passes and `reproduced` refuses": (
        f"{_AGAIN}a_run_that_did_not_pass_forged_throughout_is_seen_in_any_window",
        f"{_AGAIN}one_forged_window_is_refused_when_all_are_challenged",
    ),
}
"""Clauses of what was promised, and the tests that show each."""
