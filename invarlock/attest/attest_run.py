"""Attest a run: sign what its report lists, whatever the verdict.

Nothing is refreshed and nothing judged: a report that does not fit its evidence gets a signature
that no verification accepts.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from invarlock.attest.bundle import sign_bundle
from invarlock.attest.keyless import KeylessSigning, sign_keyless
from invarlock.attest.parse import parse_model
from invarlock.attest.predicate import REPORT_FILE
from invarlock.attest.signers import KeySigning, open_signer
from invarlock.attest.statement import statement_bytes, statement_of
from invarlock.canonical import digest_bytes
from invarlock.errors import EnvironmentFault
from invarlock.judge import Outcome
from invarlock.judge.records import MAX_REPORT_BYTES, Report

BUNDLE_FILE: Final = "attestation.sigstore.json"


class SignedAs(BaseModel):
    """Whom the certificate of a keyless signature names, by whose word, and where it is logged.

    ``timestamps`` counts the timestamp authorities whose time the bundle carries.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    identity: str
    issuer: str
    log_index: int
    timestamps: int


class Attested(BaseModel):
    """What `attest` did. ``verdict`` is the report's word, which `verify` recomputes.

    Either ``key``, the fingerprint of a key, or ``keyless`` says who signed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal["invarlock.attested/1"] = "invarlock.attested/1"
    bundle: str
    subject: str
    verdict: Outcome
    key: str | None
    key_made: bool
    keyless: SignedAs | None


def attest_run(
    run: Path, signer: Path | KeySigning | KeylessSigning, out: Path | None = None
) -> Attested:
    """Sign the report in ``run``, with the private key at a path, made when there is none, with
    a key that a URI names, or with an identity.

    The bundle is written beside its place and renamed. Raises :class:`EnvironmentFault` E601 for
    an absent run, E602 or E603 for what cannot be written, :class:`VerificationFault` E405 for a
    report that is none; and as :func:`~invarlock.attest.signers.open_signer` and
    :func:`~invarlock.attest.keyless.sign_keyless` raise.
    """
    report, payload = statement_of_run(run)
    signature = _sign(payload, signer)
    target = out if out is not None else run / BUNDLE_FILE
    _replace(target, signature.bundle)
    return Attested(
        bundle=str(target),
        subject=report.subject.digest,
        verdict=report.verdict,
        key=signature.key,
        key_made=signature.key_made,
        keyless=signature.keyless,
    )


def statement_of_run(run: Path) -> tuple[Report, bytes]:
    """The report in ``run``, and the exact bytes that `attest` signs of it. Writes nothing."""
    data = _read_report(run)
    report = parse_model(Report, data, what=f"`{REPORT_FILE}`", max_bytes=MAX_REPORT_BYTES)
    return report, statement_bytes(statement_of(report, digest_bytes(data)))


@dataclass(frozen=True, slots=True)
class _Signature:
    bundle: bytes
    key: str | None = None
    key_made: bool = False
    keyless: SignedAs | None = None


def _sign(payload: bytes, signer: Path | KeySigning | KeylessSigning) -> _Signature:
    if isinstance(signer, KeylessSigning):
        done = sign_keyless(payload, signer)
        signed_as = SignedAs(
            identity=done.identity,
            issuer=done.issuer,
            log_index=done.log_index,
            timestamps=done.timestamps,
        )
        return _Signature(done.bundle, keyless=signed_as)
    asked = signer if isinstance(signer, KeySigning) else KeySigning(f"file:{signer}")
    key, made = open_signer(asked)
    bundle = sign_bundle(payload, key)
    return _Signature(bundle, key.public.fingerprint, key_made=made)


def _read_report(run: Path) -> bytes:
    try:
        with (run / REPORT_FILE).open("rb") as stream:
            return stream.read(MAX_REPORT_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError) as err:
        hint = "pass the folder that `invarlock evaluate` wrote"
        raise EnvironmentFault("E601", f"no `{REPORT_FILE}` in `{run}`", hint) from err
    except PermissionError as err:
        raise EnvironmentFault("E602", f"cannot read `{run / REPORT_FILE}`", "") from err


def _replace(target: Path, data: bytes) -> None:
    """Write ``data`` beside ``target``, flush it, and rename: never half a bundle."""
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
