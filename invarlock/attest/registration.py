"""A bar attested by itself, before any run: predicate ``https://invarlock.dev/policy/v1``.

The statement's subject is the bar, by its semantic digest; the predicate holds its IR. Nothing in
it says when it was made: a log, a timestamp authority or a beacon does. Its specification is
``attest/policy-v1.md``.
"""

from __future__ import annotations

from typing import Final, Literal

from invarlock.attest.in_toto import InToto, Subject, read_statement, sha256_of
from invarlock.attest.parse import parse_model
from invarlock.attest.predicate import Closed
from invarlock.canonical import canonical_bytes
from invarlock.errors import VerificationFault
from invarlock.judge.records import PolicyRecord, Tool
from invarlock.judge.report import policy_record
from invarlock.policy.compare.form import bar_faults
from invarlock.policy.compile import Compiled
from invarlock.policy.ir import BarIR

POLICY_TYPE: Final = "https://invarlock.dev/policy/v1"
MAX_REGISTRATION: Final = 4 << 20
_HINT: Final = "pass the bundle that `policy attest` wrote"


class Registered(Closed):
    """The predicate: which bar, by name, by digests and in full."""

    version: Literal["invarlock.registration/1"] = "invarlock.registration/1"
    tool: Tool
    policy: PolicyRecord
    resolved_policy: BarIR


class Registration(InToto):
    """The statement that is signed, as canonical JSON; its one subject is the bar."""

    predicateType: Literal["https://invarlock.dev/policy/v1"] = (  # noqa: N815 - in-toto's name
        "https://invarlock.dev/policy/v1"
    )
    predicate: Registered


def registration_of(compiled: Compiled, name: str, bar: BarIR, tool: Tool) -> Registration:
    """The statement about the bar ``name`` of a policy, resolved to ``bar``. Pure."""
    subject = Subject(
        name=f"{compiled.name}#{name}",
        digest=sha256_of(bar.digest),
    )
    record = policy_record(compiled, name, bar)
    predicate = Registered(tool=tool, policy=record, resolved_policy=bar)
    return Registration(subject=(subject,), predicate=predicate)


def registration_bytes(registration: Registration) -> bytes:
    """The exact bytes that are signed: RFC 8785."""
    return canonical_bytes(registration.model_dump(mode="json", by_alias=True))


def parse_registration(payload: bytes) -> Registration:
    """The registration that ``payload`` holds, whose digests are all those of its bar.

    Raises :class:`VerificationFault`: E402 for a statement of another type, E405 for a malformed
    one, or a bar that no compiler wrote, E404 where subject, record and bar differ.
    """
    read_statement(payload, POLICY_TYPE, max_bytes=MAX_REGISTRATION, hint=_HINT)
    found = parse_model(Registration, payload, what="the registration", max_bytes=MAX_REGISTRATION)
    bar = found.predicate.resolved_policy
    fault = next(bar_faults(bar), None)
    if fault is not None:
        raise VerificationFault("E405", f"the registration's bar holds {fault}", _HINT)
    named = f"sha256:{found.subject[0].digest.sha256}"
    if not bar.digest == named == found.predicate.policy.bar_digest:
        what = "the registration's bar has not the digest that it names"
        raise VerificationFault("E404", what, _HINT)
    return found
