"""What speaks for a model beside the attestation: an OpenSSF signature, a SLSA provenance.

None is looked for: what lies in a model's folder came with the model. The consumer names a file,
and whom to trust by key or, where the bar allows workflows, by the bar; a bar that asks for one is
not passed without it. The files compared are those that the statement lists, which are the
folder's, or its root digest's, at level `bound`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from invarlock.attest.bundle import Signed, parse_bundle, verify_signature
from invarlock.attest.keys import PublicKey
from invarlock.attest.predicate import Predicate
from invarlock.attest.trust_root import public_root
from invarlock.errors import VerificationFault
from invarlock.evidence.schema import Arm
from invarlock.judge.records import ModelRecord
from invarlock.judge.signature import VOUCHED, Identity, Voucher
from invarlock.policy.ir import BarIR, Signers
from invarlock.policy.signers import KeySigner, WorkflowSigner, describe_rule
from invarlock.verify.keyless import verify_keyless
from invarlock.verify.request import VerifyRequest
from invarlock.verify.result import Finding, Level, VouchedFor, refusal_of
from invarlock.verify.signatures import Trusted, read_bundle


@dataclass(frozen=True, slots=True)
class Vouched:
    """One file that was to speak for a model: who signed it, or why it does not count."""

    arm: Arm
    voucher: Voucher
    identity: Identity | None = None
    builder: str | None = None
    finding: Finding | None = None

    @property
    def shown(self) -> VouchedFor | None:
        """What the result says of it, where it counts."""
        if self.identity is None:
            return None
        who = describe_rule(self.identity)
        return VouchedFor(model=self.arm, by=self.voucher, signer=who, builder=self.builder)


def check_vouchers(
    request: VerifyRequest, predicate: Predicate, trust: Trusted, bar: BarIR | None
) -> tuple[Vouched, ...]:
    """Every file that ``request`` names for a model, verified.

    Raises :class:`EnvironmentFault` for a file that cannot be read.
    """
    models = {"subject": predicate.subject, "baseline": predicate.baseline}
    found = []
    for (arm, voucher), path in request.vouchers.items():
        try:
            found.append(_check((arm, voucher), path, models[arm], (trust, bar)))
        except VerificationFault as err:
            what = f"{arm}.{voucher}: {err.message}"
            finding = refusal_of(Level.BOUND, VerificationFault(err.code, what, err.hint))
            found.append(Vouched(arm, voucher, finding=finding))
    return tuple(found)


def by_model(vouched: Sequence[Vouched]) -> dict[tuple[Arm, Voucher], Identity]:
    """Who signed what counts."""
    return {(one.arm, one.voucher): one.identity for one in vouched if one.identity is not None}


def _check(
    of: tuple[Arm, Voucher],
    path: Path,
    model: ModelRecord | None,
    trusted: tuple[Trusted, BarIR | None],
) -> Vouched:
    arm, voucher = of
    if model is None:
        raise VerificationFault("E403", "the run names no baseline", "drop the file")
    trust, bar = trusted
    signed = parse_bundle(read_bundle(path))
    workflows = any(isinstance(rule, WorkflowSigner) for rule in _rules(of, bar))
    if signed.certified and workflows:
        identity = _keyless(signed, trust)
    else:
        identity = _by_key(signed, (*trust.model_keys, *trust.keys))
    what = f"the {arm}'s {voucher}"
    if voucher == "signature":
        from invarlock.verify.oms import check_signed_files

        check_signed_files(signed.payload, model, what)
        return Vouched(arm, voucher, identity)
    from invarlock.verify.provenance import check_provenance

    return Vouched(arm, voucher, identity, check_provenance(signed.payload, model, what))


def _by_key(signed: Signed, keys: Sequence[PublicKey]) -> Identity:
    return KeySigner(key=verify_signature(signed, keys).fingerprint)


def _keyless(signed: Signed, trust: Trusted) -> Identity:
    root = trust.root if trust.root is not None else public_root()
    who = verify_keyless(signed, root).identity
    if who.workflow is None:
        hint = "a bar's signers are workflows and keys"
        raise VerificationFault("E420", f"`{who.name}` is no workflow of a repository", hint)
    return who.workflow


def _rules(of: tuple[Arm, Voucher], bar: BarIR | None) -> Iterator[Identity]:
    """Whom the bar allows to sign it."""
    gates = () if bar is None else bar.gates
    for gate in gates:
        if gate.measure == VOUCHED[of].measure and isinstance(gate.relation, Signers):
            yield from gate.relation.rules
