"""Whether the bar of a run was attested before the run.

What proves it is a beacon in the seed of the run's schedule, which decides the windows, so that
nothing could be measured before the beacon was known. If the beacon is the registration's own
digest, the registration was there before. If it is something else that was made public at a time
which the consumer knows, a registration that a log or timestamp authority saw earlier was, too.
That the registration was logged before the run was signed proves nothing: a run can be signed long
after it was made. Nor does a clock in any document.
"""

from __future__ import annotations

from collections.abc import Iterator

from invarlock.attest.predicate import Predicate
from invarlock.attest.registration import parse_registration
from invarlock.errors import VerificationFault
from invarlock.verify.request import VerifyRequest
from invarlock.verify.required import lacking
from invarlock.verify.result import (
    Before,
    Finding,
    Level,
    RegisteredBefore,
    Signer,
    refusal_of,
    refused,
)
from invarlock.verify.signatures import Trusted, check_bundle


def check_registration(
    request: VerifyRequest,
    trust: Trusted,
    predicate: Predicate,
    findings: list[Finding],
    *,
    recomputed: bool,
) -> RegisteredBefore | None:
    """The registration that ``request`` names, once it is by a trusted signer and of the run's
    very bar; what is wrong with it joins ``findings``.

    Nothing is said of which came first unless the schedule's seed was ``recomputed`` from the
    evidence. Raises :class:`EnvironmentFault` for a bundle that cannot be read.
    """
    path = request.registration
    if path is None:
        return None
    try:
        signed, signature = check_bundle(path, trust)
        registration = parse_registration(signed.payload)
    except VerificationFault as err:
        refusal = refusal_of(Level.BOUND, err)
        what = f"the registration `{path}`: {err.message}"
        findings.append(refusal.model_copy(update={"what": what}))
        return None
    found = registration.predicate.resolved_policy.digest
    if found != predicate.policy.bar_digest:
        what = f"`{path}` registers another bar than the run's"
        expected = predicate.policy.bar_digest
        findings.append(refused(Level.BOUND, "E416", what, found=found, expected=expected))
        return None
    signer = signature.signer
    before = _before(request, predicate, signer) if recomputed else None
    return RegisteredBefore(bar=found, signer=signer, before=before)


def check_preregistered(found: RegisteredBefore | None) -> Iterator[Finding]:
    """That it is proven that the registration came first."""
    if found is None:
        what, hint = "no registration of the run's bar", "pass --registration BUNDLE"
        yield lacking(Level.JUDGED, what, hint)
    elif found.before is None:
        yield lacking(
            Level.JUDGED,
            "nothing shows that the registration is older than the run",
            "evaluate with --beacon REGISTRATION, or give --beacon and --beacon-time",
        )


def precedes(times: tuple[int, ...], beacon_time: int) -> bool:
    """Whether one of the proven ``times`` of the registration is before the beacon's."""
    return any(time < beacon_time for time in times)


def _before(request: VerifyRequest, predicate: Predicate, signer: Signer) -> Before | None:
    beacon = predicate.seeds.beacon
    if beacon is None:
        return None
    if beacon.value == signer.bundle_digest:
        return "beacon"
    if request.beacon != beacon.value or request.beacon_time is None:
        return None
    times = tuple(time.seconds for time in signer.times)
    return "time" if precedes(times, request.beacon_time) else None
