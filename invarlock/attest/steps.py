"""What each step of a release took in and gave out, by name: the artifacts of its in-toto link.

Names are those of a run's folder, so that they are the same on every machine. A model is one
artifact: the canonical list of its files, whose sha256 is the model's root digest (DESIGN
section 5), so that a layout's rules speak of whole models without reading one again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from invarlock.attest.predicate import REPORT_FILE
from invarlock.canonical import canonical_bytes, digest_bytes
from invarlock.errors import EnvironmentFault, VerificationFault

if TYPE_CHECKING:
    from invarlock.attest.statement import Statement
    from invarlock.judge.records import Report
    from invarlock.policy import Compiled

SUBJECT: Final = "subject.files.json"
BASELINE: Final = "baseline.files.json"
DATA: Final = "data.jsonl"
BUNDLE: Final = "attestation.sigstore.json"
RESULT: Final = "verification.json"
BAR: Final = "consumer/bar.ir.json"
_POLICY: Final = "policy/"
_IR: Final = "policy/policy.ir.json"
_MADE: Final = frozenset({_IR, "policy/bar.ir.json"})
STEPS: Final[Mapping[str, tuple[str, ...]]] = {
    "compile": ("policy", "compile"),
    "measure": ("evaluate",),
    "attest": ("attest",),
    "verify": ("verify",),
}
"""The steps in order, and the command that carries each out. Its options are not recorded: they
name paths of one machine, and may hold a token."""

Artifacts = Mapping[str, str]
"""Name to digest, ``sha256:`` and 64 hex digits."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step that was carried out."""

    name: str
    materials: Artifacts
    products: Artifacts


def compile_step(compiled: Compiled) -> Step:
    """From the sources of a policy to its IR, as `evaluate` writes both into a run."""
    from invarlock.judge.sources import policy_files

    sources = {name: digest_bytes(data) for name, data in policy_files(compiled).items()}
    return Step("compile", sources, {_IR: digest_bytes(canonical_bytes(compiled.ir.document()))})


def measure_step(report: Report, on_disk: Artifacts) -> Step:
    """From policy, models and data to the files of a run (``on_disk``, by name)."""
    sources = {
        name: digest
        for name, digest in on_disk.items()
        if name.startswith(_POLICY) and name not in _MADE
    }
    models = {SUBJECT: report.subject.digest, DATA: report.data.digest}
    if report.baseline is not None:
        models[BASELINE] = report.baseline.digest
    return Step("measure", {**sources, **models}, on_disk)


def attest_step(statement: Statement, on_disk: Artifacts, bundle: bytes) -> Step:
    """From the files of a run to the signed bundle and the model that it speaks of."""
    subject = "sha256:" + statement.subject[0].digest.sha256
    return Step("attest", on_disk, {BUNDLE: digest_bytes(bundle), SUBJECT: subject})


def verify_step(statement: Statement, bundle: bytes, result: bytes, subject: str, bar: str) -> Step:
    """From bundle and run to a result, for a verification that passed.

    ``subject`` and ``bar`` are digests of what was verified and under what; ``result`` is the
    verifier's answer, which says whether evidence was at hand. The run's files are those that the
    statement binds.
    """
    run = {record.path: record.digest for record in statement.predicate.files}
    materials = {
        **run,
        REPORT_FILE: statement.predicate.report.digest,
        BUNDLE: digest_bytes(bundle),
        BAR: bar,
    }
    return Step("verify", materials, {RESULT: digest_bytes(result), SUBJECT: subject})


def run_files(run: Path, report: Report) -> Artifacts:
    """Digests of the run's files as they lie on disk: the report, and all that it lists.

    Raises :class:`EnvironmentFault` E601 for one that is absent, :class:`VerificationFault` E403
    for one that is not what the report lists.
    """
    listed = {record.path: record.digest for record in report.files}
    digests = {name: _digest(run, name) for name in (REPORT_FILE, *listed)}
    for name, digest in listed.items():
        if digests[name] != digest:
            what = f"`{name}` is not the file that the report lists"
            raise VerificationFault("E403", what, "evaluate again")
    return digests


def _digest(run: Path, name: str) -> str:
    try:
        with (run / name).open("rb") as stream:
            return "sha256:" + hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as err:
        raise EnvironmentFault(
            "E601", f"cannot read `{name}` in `{run}`", "evaluate again"
        ) from err
