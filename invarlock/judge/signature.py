"""Values of the signature, which is made after the judgement that it covers.

Who signed is known to a verifier alone. A producer, and a verifier who builds the producer's
report again, hold ``signature.*`` open; a verifier who has checked a signature says what it found
(DESIGN section 3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Final, Literal, get_args

from invarlock.evidence.schema import ARMS, Arm
from invarlock.judge.values import Key, Value
from invarlock.policy.catalogue import MEASURES
from invarlock.policy.ir import BarIR, Member, Signers
from invarlock.policy.signers import KeySigner, WorkflowSigner

BY: Final = Key("signature.by")
COUNT: Final = Key("signature.count")
LOG: Final = Key("signature.log")
Voucher = Literal["signature", "provenance"]
"""What may speak for a model beside the attestation: a signature of its files, a provenance."""
VOUCHED: Final[dict[tuple[Arm, Voucher], Key]] = {
    (arm, voucher): Key(f"{arm}.{voucher}.by") for arm in ARMS for voucher in get_args(Voucher)
}
"""Measures of who signed these."""

_OPEN: Final = Value("pending", reason="decided by `verify`, under the consumer's bar")
PENDING: Final[dict[Key, Value]] = dict.fromkeys((BY, COUNT, LOG, *VOUCHED.values()), _OPEN)
"""What a producer can say of a signature: nothing yet."""

Identity = KeySigner | WorkflowSigner


def on_signature(measure: str) -> bool:
    """Whether ``measure`` is of a signature, which only a verifier knows of."""
    known = MEASURES.get(measure)
    return known is not None and known.evidence == "signature"


def signature_values(signers: Mapping[Identity, bool], bar: BarIR) -> dict[Key, Value]:
    """The values of signatures that were verified: for each signer, whether an entry of its
    signature in a transparency log was verified, too.

    Only signers that the bar allows have a part in them, all where it names none: ``signature.by``
    is one of these, ``signature.log`` whether there is one in a log, and ``signature.count`` how
    many there are, in a log where the bar requires that. A workflow counts once, whatever refs it
    ran for: whoever can start it for one can for another. With none allowed, ``signature.by`` is
    one that is not.
    """
    allowed = {one: logged for one, logged in signers.items() if _allows(bar, one)}
    counted = [one for one, logged in allowed.items() if logged or not _requires_log(bar)]
    named = (*counted, *allowed, *signers)
    return {
        BY: Value("ok", identity=named[0]) if named else _NOBODY,
        COUNT: Value("ok", Decimal(len(set(map(_party, counted))))),
        LOG: Value("ok", words="yes" if any(allowed.values()) else "no"),
    }


def voucher_values(found: Mapping[tuple[Arm, Voucher], Identity]) -> dict[Key, Value]:
    """The values of ``subject.signature.by`` and its like: who signed what was verified, and
    missing for what was not."""
    values = {}
    for (arm, voucher), key in VOUCHED.items():
        lacking = Value("missing", reason=f"no {voucher} of the {arm} was verified")
        who = found.get((arm, voucher))
        values[key] = lacking if who is None else Value("ok", identity=who)
    return values


_NOBODY: Final = Value("missing", reason="the signer is neither a key nor a workflow")


def _party(identity: Identity) -> Identity:
    """Who ``identity`` is, one for all refs of a workflow."""
    return identity if isinstance(identity, KeySigner) else replace(identity, ref="*")


def _allows(bar: BarIR, identity: Identity) -> bool:
    """Whether every gate of ``bar`` on signers does."""
    return all(
        gate.relation.accepts(identity)
        for gate in bar.gates
        if gate.measure == BY.measure and isinstance(gate.relation, Signers)
    )


def _requires_log(bar: BarIR) -> bool:
    gate = bar.gate(LOG.measure)
    return (
        gate is not None
        and gate.level == "require"
        and isinstance(gate.relation, Member)
        and "no" not in gate.relation.values
    )
