"""Level `signed`: whose signatures the bundles carry, over one and the same statement.

Each bundle holds one signature. Where several parties sign, each has a bundle of its own, and all
of them sign the same bytes, for the statement is a pure function of the report.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from invarlock.artifacts.regular import open_file
from invarlock.attest.bundle import MAX_BUNDLE, Signed, parse_bundle, verify_signature
from invarlock.attest.keys import PublicKey, load_public
from invarlock.attest.trust_root import TrustRoot, public_root, root_of_file
from invarlock.canonical import digest_bytes
from invarlock.errors import CODES, EnvironmentFault, UsageFault, VerificationFault
from invarlock.policy.diagnostics import printable
from invarlock.policy.ir import BarIR, Signers
from invarlock.policy.signers import KeySigner, WorkflowSigner
from invarlock.verify.identity import check_identity, check_rules
from invarlock.verify.request import ExpectedIdentity, VerifyRequest
from invarlock.verify.result import Certificate, Finding, Level, SignedTime, Signer
from invarlock.verify.timestamps import stamped_times


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature that was verified.

    ``identity`` is what a policy's signer rules are held against, ``None`` where they have no word
    for it. ``stale`` says why the trust root that vouched for it may be out of date.
    """

    signer: Signer
    identity: KeySigner | WorkflowSigner | None
    stale: str | None = None


@dataclass(frozen=True, slots=True)
class Trusted:
    """Whom the consumer trusts to sign, read before anything untrusted is.

    ``rules`` are those of the consumer's bar, where neither a key nor an identity was named.
    ``model_keys`` are trusted for models' signatures and provenance alone.
    ``root`` vouches for certificates and timestamps, the public instance's when ``None``.
    """

    keys: tuple[PublicKey, ...]
    identities: tuple[ExpectedIdentity, ...]
    rules: tuple[Signers, ...]
    root: TrustRoot | None
    model_keys: tuple[PublicKey, ...] = ()

    @property
    def certificates(self) -> bool:
        """Whether anybody may sign with a certificate."""
        return bool(self.identities or self.rules)


def trusted(request: VerifyRequest, bar: BarIR | None = None) -> Trusted:
    """Whom ``request`` names, or else ``bar``, the consumer's own.

    Raises :class:`UsageFault` E701 where nobody is named, and as
    :func:`invarlock.attest.keys.load_public` and :func:`invarlock.attest.trust_root.root_of_file`.
    """
    keys = tuple(load_public(path) for path in request.keys)
    root = None if request.trust_root is None else root_of_file(request.trust_root)
    rules = () if keys or request.identities else _rules(bar)
    if not keys and not request.identities and not rules:
        hint = "pass --key PUB, or --identity and --issuer, or name a workflow in `signature.by`"
        raise UsageFault("E701", "no key and no identity to verify with", hint)
    models = tuple(load_public(path) for path in request.model_keys)
    return Trusted(keys, request.identities, rules, root, models)


def check_signatures(request: VerifyRequest, trust: Trusted) -> tuple[bytes, tuple[Signature, ...]]:
    """The payload that all bundles sign, and who signed it, in the order of the bundles.

    Raises :class:`VerificationFault`: as :func:`parse_bundle`, :func:`verify_signature` and
    :func:`invarlock.verify.keyless.verify_keyless`, E420 for a certificate of somebody who is not
    trusted, and E403 where two bundles sign different statements; :class:`EnvironmentFault` E601
    or E602 for a bundle that cannot be read.
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


def check_bundle(path: Path, trust: Trusted) -> tuple[Signed, Signature]:
    """What the bundle at ``path`` signs, and the trusted signer. Raises as
    :func:`check_signatures`."""
    signed = parse_bundle(read_bundle(path))
    return signed, _check(path, signed, trust)


def by_signer(signatures: Sequence[Signature]) -> dict[KeySigner | WorkflowSigner, bool]:
    """The signers that a policy's rules have a word for, each with whether a signature of its is
    in a log."""
    found: dict[KeySigner | WorkflowSigner, bool] = {}
    for one in signatures:
        if one.identity is not None:
            found[one.identity] = found.get(one.identity, False) or one.signer.logged
    return found


def stale_roots(signatures: Sequence[Signature]) -> Iterator[Finding]:
    """A warning for each trust root that may not know of today's keys."""
    for why in dict.fromkeys(one.stale for one in signatures if one.stale is not None):
        hint = CODES["E424"].remedy
        yield Finding(level=Level.SIGNED, kind="warning", code="E424", what=why, hint=hint)


def _rules(bar: BarIR | None) -> tuple[Signers, ...]:
    """What ``bar`` requires of who signs, if that can be a workflow."""
    gates = () if bar is None else bar.gates
    found = tuple(
        gate.relation
        for gate in gates
        if gate.level == "require"
        and gate.measure == "signature.by"
        and isinstance(gate.relation, Signers)
    )
    workflows = any(isinstance(rule, WorkflowSigner) for one in found for rule in one.rules)
    return found if workflows else ()


def _check(path: Path, signed: Signed, trust: Trusted) -> Signature:
    if signed.certified and trust.certificates:
        return _keyless(path, signed, trust)
    key = verify_signature(signed, trust.keys)
    signer = Signer(
        bundle=printable(str(path)),
        bundle_digest=digest_bytes(signed.data),
        type=key.type.value,
        key=key.fingerprint,
        times=_stamped(signed, trust.root),
    )
    stale = trust.root.stale(datetime.now(UTC)) if signer.times and trust.root else None
    return Signature(signer, KeySigner(key=key.fingerprint), stale)


def _stamped(signed: Signed, root: TrustRoot | None) -> tuple[SignedTime, ...]:
    """The times of a key's signature, by authorities of a root that the consumer named."""
    if root is None or not signed.stamps:
        return ()
    times = stamped_times(signed.stamps, signed.signature, root.parsed())
    return tuple(SignedTime(source="timestamp", seconds=int(time.timestamp())) for time in times)


def _keyless(path: Path, signed: Signed, trust: Trusted) -> Signature:
    from invarlock.verify.keyless import verify_keyless

    root = trust.root if trust.root is not None else public_root()
    found = verify_keyless(signed, root)
    who = found.identity
    if trust.identities:
        check_identity(who, trust.identities)
    else:
        check_rules(who, trust.rules)
    certificate = Certificate(
        identity=who.name,
        issuer=who.issuer,
        repository=who.repository,
        ref=who.ref,
        build=who.build,
    )
    signer = Signer(
        bundle=printable(str(path)),
        bundle_digest=digest_bytes(signed.data),
        type="certificate",
        certificate=certificate,
        logged=True,
        times=found.times,
    )
    return Signature(signer, who.workflow, root.stale(datetime.now(UTC)))


def read_bundle(path: Path) -> bytes:
    """The bytes of the bundle, a regular file or a link to one. Raises E405, E601 or E602."""
    try:
        with open_file(path) as stream:
            return stream.read(MAX_BUNDLE + 1)
    except (FileNotFoundError, NotADirectoryError) as err:
        raise EnvironmentFault("E601", f"no bundle `{path}`", "check the path") from err
    except OSError as err:
        if err.errno == errno.EINVAL:
            what = f"`{path}` is no regular file"
            raise VerificationFault("E405", what, "pass the bundle") from err
        raise EnvironmentFault("E602", f"cannot read the bundle `{path}`", "check it") from err
