"""Values of the signature, which is made after the judgement that it covers.

Who signed is known to a verifier alone. A producer, and a verifier who builds the producer's
report again, hold ``signature.*`` open; a verifier who has checked a signature says what it found
(DESIGN section 3).
"""

from __future__ import annotations

from typing import Final

from invarlock.judge.values import Key, Value
from invarlock.policy.signers import KeySigner, WorkflowSigner

BY: Final = Key("signature.by")
LOG: Final = Key("signature.log")

_OPEN: Final = Value("pending", reason="decided by `verify`, under the consumer's bar")
PENDING: Final[dict[Key, Value]] = {BY: _OPEN, LOG: _OPEN}
"""What a producer can say of a signature: nothing yet."""


def signature_values(identity: KeySigner | WorkflowSigner, *, logged: bool) -> dict[Key, Value]:
    """The values of a signature that was verified: whose it is, and whether an entry of it in a
    transparency log was verified, too."""
    return {
        BY: Value("ok", identity=identity),
        LOG: Value("ok", words="yes" if logged else "no"),
    }
