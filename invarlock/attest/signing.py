"""Sign a payload, whatever it says, with a key or an identity, and write the bundle whole."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from invarlock.attest.bundle import sign_bundle
from invarlock.attest.keyless import KeylessSigned, KeylessSigning, sign_keyless
from invarlock.attest.signers import KeySigning, open_signer
from invarlock.attest.timestamp import request_timestamp
from invarlock.errors import EnvironmentFault


class SignedAs(BaseModel):
    """Whom the certificate of a keyless signature names, by whose word, and where it is logged.

    ``timestamps`` counts the timestamp authorities whose time the bundle carries.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    identity: str
    issuer: str
    log_index: int
    timestamps: int


@dataclass(frozen=True, slots=True)
class Made:
    """A bundle, and who signed it: a key's fingerprint, or whom a certificate names."""

    bundle: bytes
    key: str | None = None
    key_made: bool = False
    keyless: SignedAs | None = None


def sign_payloads(
    payloads: Sequence[bytes],
    signer: Path | KeySigning | KeylessSigning,
    authority: str | None = None,
) -> list[Made]:
    """A bundle over each of ``payloads`` as it stands, by the private key at a path, made when
    there is none, by a key that a URI names, or by an identity.

    ``authority`` is the address of a timestamp authority for a key's signature; an identity's has
    those of its trust configuration. Raises as :func:`~invarlock.attest.signers.open_signer`,
    :func:`~invarlock.attest.timestamp.request_timestamp` and
    :func:`~invarlock.attest.keyless.sign_keyless`.
    """
    if isinstance(signer, KeylessSigning):
        return [Made(one.bundle, keyless=_signed_as(one)) for one in sign_keyless(payloads, signer)]
    stamp = None if authority is None else partial(request_timestamp, authority)
    asked = signer if isinstance(signer, KeySigning) else KeySigning(f"file:{signer}")
    key, made = open_signer(asked)
    return [
        Made(sign_bundle(payload, key, stamp), key.public.fingerprint, key_made=made)
        for payload in payloads
    ]


def _signed_as(done: KeylessSigned) -> SignedAs:
    return SignedAs(
        identity=done.identity,
        issuer=done.issuer,
        log_index=done.log_index,
        timestamps=done.timestamps,
    )


def replace_file(target: Path, data: bytes) -> None:
    """Write ``data`` beside ``target``, flush it, and rename: never half a bundle.

    Raises :class:`EnvironmentFault` E601, E602 or E603 for what cannot be written.
    """
    try:
        fd, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.absolute().parent)
    except FileNotFoundError as err:
        raise EnvironmentFault("E601", f"no folder for `{target}`", "make it first") from err
    except PermissionError as err:
        raise EnvironmentFault("E602", f"cannot write `{target}`", "pass --out") from err
    beside = Path(name)
    try:
        with os.fdopen(fd, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        beside.chmod(0o644)
        beside.replace(target)
    except OSError as err:
        raise EnvironmentFault("E603", f"cannot write `{target}`", "free space") from err
    finally:
        beside.unlink(missing_ok=True)
