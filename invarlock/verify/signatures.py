"""Level `signed`: whose signatures the bundles carry, over one and the same statement.

Each bundle holds one signature. Where several parties sign, each has a bundle of its own, and all
of them sign the same bytes, for the statement is a pure function of the report.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from invarlock.attest.bundle import MAX_BUNDLE, Signed, parse_bundle, verify_signature
from invarlock.attest.keys import PublicKey, load_public
from invarlock.canonical import digest_bytes
from invarlock.errors import EnvironmentFault, VerificationFault
from invarlock.policy.signers import KeySigner, WorkflowSigner
from invarlock.verify.request import VerifyRequest
from invarlock.verify.result import Signer


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature that was verified.

    ``identity`` is what a policy's signer rules are held against, ``None`` where they have no word
    for it.
    """

    signer: Signer
    identity: KeySigner | WorkflowSigner | None


@dataclass(frozen=True, slots=True)
class Trusted:
    """What the consumer trusts to sign, read before anything untrusted is."""

    keys: tuple[PublicKey, ...]


def trusted(request: VerifyRequest) -> Trusted:
    """The keys that ``request`` names. Raises as :func:`invarlock.attest.keys.load_public`."""
    return Trusted(tuple(load_public(path) for path in request.keys))


def check_signatures(request: VerifyRequest, trust: Trusted) -> tuple[bytes, tuple[Signature, ...]]:
    """The payload that all bundles sign, and who signed it, in the order of the bundles.

    Raises :class:`VerificationFault`: as :func:`parse_bundle` and :func:`verify_signature`, and
    E403 where two bundles sign different statements; :class:`EnvironmentFault` E601 or E602 for a
    bundle that cannot be read.
    """
    first, *others = (request.bundle_file, *request.cosigned)
    signed = parse_bundle(read_bundle(first))
    found = [_check(first, signed, trust)]
    for path in others:
        other = parse_bundle(read_bundle(path))
        found.append(_check(path, other, trust))
        if other.payload != signed.payload:
            what = f"`{path}` signs another statement than `{first}`"
            raise VerificationFault("E403", what, "pass bundles of one run")
    return signed.payload, tuple(found)


def by_signer(signatures: Sequence[Signature]) -> dict[KeySigner | WorkflowSigner, bool]:
    """The signers that a policy's rules have a word for, each with whether a signature of its is
    in a log."""
    found: dict[KeySigner | WorkflowSigner, bool] = {}
    for one in signatures:
        if one.identity is not None:
            found[one.identity] = found.get(one.identity, False) or one.signer.logged
    return found


def _check(path: Path, signed: Signed, trust: Trusted) -> Signature:
    key = verify_signature(signed, trust.keys)
    signer = Signer(
        bundle=str(path),
        bundle_digest=digest_bytes(signed.data),
        type=key.type.value,
        key=key.fingerprint,
    )
    return Signature(signer, KeySigner(key=key.fingerprint))


def read_bundle(path: Path) -> bytes:
    """The bytes of the bundle, a regular file or a link to one. Raises E405, E601 or E602."""
    try:
        # Opening a FIFO without O_NONBLOCK would wait for a writer that never comes.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(fd, "rb") as stream:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise VerificationFault("E405", f"`{path}` is no regular file", "pass the bundle")
            return stream.read(MAX_BUNDLE + 1)
    except (FileNotFoundError, NotADirectoryError) as err:
        raise EnvironmentFault("E601", f"no bundle `{path}`", "check the path") from err
    except OSError as err:
        raise EnvironmentFault("E602", f"cannot read the bundle `{path}`", "check it") from err
