"""Attest a run: sign what its report lists, whatever the verdict.

Nothing is refreshed and nothing judged: a report that does not fit its evidence gets a signature
that no verification accepts.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from invarlock.attest.bundle import sign_bundle
from invarlock.attest.keys import PrivateKey, load_private, new_key
from invarlock.attest.parse import parse_model
from invarlock.attest.predicate import REPORT_FILE
from invarlock.attest.statement import statement_bytes, statement_of
from invarlock.canonical import digest_bytes
from invarlock.errors import EnvironmentFault
from invarlock.judge import Outcome
from invarlock.judge.records import MAX_REPORT_BYTES, Report

BUNDLE_FILE: Final = "attestation.sigstore.json"


class Attested(BaseModel):
    """What `attest` did. ``verdict`` is the report's word, which `verify` recomputes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal["invarlock.attested/1"] = "invarlock.attested/1"
    bundle: str
    subject: str
    verdict: Outcome
    key: str
    key_made: bool


def attest_run(run: Path, key: Path, out: Path | None = None) -> Attested:
    """Sign the report in ``run`` with the private key at ``key``, made when there is none.

    The bundle is written beside its place and renamed. Raises :class:`EnvironmentFault` E601 for
    an absent run, E602 or E603 for what cannot be written, :class:`VerificationFault` E405 for a
    report that is none, :class:`UsageFault` E703 for a key that cannot sign.
    """
    data = _read_report(run)
    report = parse_model(Report, data, what=f"`{REPORT_FILE}`", max_bytes=MAX_REPORT_BYTES)
    private, made = _key(key)
    payload = statement_bytes(statement_of(report, digest_bytes(data)))
    target = out if out is not None else run / BUNDLE_FILE
    _replace(target, sign_bundle(payload, private))
    return Attested(
        bundle=str(target),
        subject=report.subject.digest,
        verdict=report.verdict,
        key=private.public.fingerprint,
        key_made=made,
    )


def _read_report(run: Path) -> bytes:
    try:
        with (run / REPORT_FILE).open("rb") as stream:
            return stream.read(MAX_REPORT_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError) as err:
        hint = "pass the folder that `invarlock evaluate` wrote"
        raise EnvironmentFault("E601", f"no `{REPORT_FILE}` in `{run}`", hint) from err
    except PermissionError as err:
        raise EnvironmentFault("E602", f"cannot read `{run / REPORT_FILE}`", "") from err


def _key(path: Path) -> tuple[PrivateKey, bool]:
    """The key at ``path``; on first use it is made."""
    if os.path.lexists(path):
        return load_private(path), False
    new_key(path)
    return load_private(path), True


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
