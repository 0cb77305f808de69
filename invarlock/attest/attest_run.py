"""Attest a run: sign what its report lists, whatever the verdict.

Nothing is refreshed and nothing judged: a report that does not fit its evidence gets a signature
that no verification accepts.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal, get_args

from pydantic import BaseModel, ConfigDict

from invarlock.attest.companions import CompanionType, companion_bytes
from invarlock.attest.keyless import KeylessSigning
from invarlock.attest.parse import parse_model
from invarlock.attest.placing import check_own, check_signed_by, replace_file, standing
from invarlock.attest.predicate import REPORT_FILE
from invarlock.attest.signers import KeySigning
from invarlock.attest.signing import SignedAs, sign_payloads
from invarlock.attest.statement import Statement, statement_bytes, statement_of
from invarlock.canonical import digest_bytes
from invarlock.errors import EnvironmentFault, UsageFault
from invarlock.judge import Outcome
from invarlock.judge.records import MAX_REPORT_BYTES, Report

BUNDLE_FILE: Final = "attestation.sigstore.json"


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
    companions: tuple[str, ...]


def attest_run(
    run: Path,
    signer: Path | KeySigning | KeylessSigning,
    out: Path | None = None,
    companions: Sequence[CompanionType] = (),
    authority: str | None = None,
) -> Attested:
    """Sign the report in ``run``, with the private key at a path, made when there is none, with
    a key that a URI names, or with an identity.

    ``companions`` are written beside it, each by the same signer; ``authority`` is the address of
    a timestamp authority for a key's signatures. Every bundle is made before one is written,
    beside its place, and renamed; what stands there is replaced if the same key signed it.
    Raises :class:`UsageFault` E702 where something else stands there, or beside it a companion of
    another statement; :class:`EnvironmentFault` E601 for an absent run, E602 or E603 for what
    cannot be written, :class:`VerificationFault` E405 for a report that is none; and as
    :func:`~invarlock.attest.signing.sign_payloads` raises.
    """
    report, statement = statement_of_run(run)
    payloads = payloads_of(statement, companions)
    target = out if out is not None else run / BUNDLE_FILE
    targets = [target, *(companion_path(target, kind) for kind in companions)]
    for path in targets:
        check_own(path, signer)
    _check_stale(target, statement, companions)
    made = sign_payloads(payloads, signer, authority)
    for path in targets:
        check_signed_by(path, made[0].public)
    for path, one in zip(targets, made, strict=True):
        replace_file(path, one.bundle)
    return Attested(
        bundle=str(target),
        subject=report.subject.digest,
        verdict=report.verdict,
        key=made[0].key,
        key_made=made[0].key_made,
        keyless=made[0].keyless,
        companions=tuple(str(path) for path in targets[1:]),
    )


def statement_of_run(run: Path) -> tuple[Report, Statement]:
    """The report in ``run``, and what `attest` signs of it.

    Writes nothing. Raises E405, E601 or E602, as :func:`attest_run`.
    """
    data = _read_report(run)
    report = parse_model(Report, data, what=f"`{REPORT_FILE}`", max_bytes=MAX_REPORT_BYTES)
    return report, statement_of(report, digest_bytes(data))


def payloads_of(statement: Statement, companions: Sequence[CompanionType]) -> list[bytes]:
    """The exact bytes to sign: of the statement, then of each companion."""
    made = (companion_bytes(kind, statement) for kind in companions)
    return [statement_bytes(statement), *made]


def companion_path(bundle: Path, kind: CompanionType) -> Path:
    """Where a companion lies: ``attestation.test-result.sigstore.json``, beside the bundle."""
    stem, dot, ending = bundle.name.partition(".")
    return bundle.with_name(f"{stem}.{kind}{dot}{ending}")


def _check_stale(target: Path, statement: Statement, companions: Sequence[CompanionType]) -> None:
    """Raise E702 where a companion of another statement would stay beside the bundle."""
    for kind in get_args(CompanionType):
        path = companion_path(target, kind)
        if kind in companions or not os.path.lexists(path):
            continue
        found = standing(path)
        if found is None or found.payload != companion_bytes(kind, statement):
            hint = f"remove it, or pass --companion {kind}, too"
            raise UsageFault("E702", f"`{path}` is of another statement", hint)


def _read_report(run: Path) -> bytes:
    try:
        with (run / REPORT_FILE).open("rb") as stream:
            return stream.read(MAX_REPORT_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError) as err:
        hint = "pass the folder that `invarlock evaluate` wrote"
        raise EnvironmentFault("E601", f"no `{REPORT_FILE}` in `{run}`", hint) from err
    except PermissionError as err:
        raise EnvironmentFault(
            "E602", f"cannot read `{run / REPORT_FILE}`", "check its owner and mode"
        ) from err
