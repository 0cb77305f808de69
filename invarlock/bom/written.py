"""Both bills of a run, validated, as they are written into its folder."""

from __future__ import annotations

from invarlock.bom.document import MLBOM_FILE, SBOM_FILE, Version
from invarlock.bom.environment import read_environment
from invarlock.bom.models import mlbom_of
from invarlock.bom.software import Ran, sbom_of, tools_of
from invarlock.bom.validate import validated
from invarlock.canonical import digest_bytes
from invarlock.judge.records import Report
from invarlock.security.manifest import RuntimeManifest


def ran_of(report: Report, manifest: RuntimeManifest) -> Ran:
    """What ``report`` and ``manifest`` say of the software."""
    return Ran(report.created, report.tool.version, report.packages, tools_of(manifest))


def boms(report: Report, manifest: RuntimeManifest, version: Version) -> dict[str, bytes]:
    """The files of both bills by name, for a report that does not list them yet.

    Raises :class:`EnvironmentFault` E605 without the library that validates them.
    """
    sbom = validated(sbom_of(ran_of(report, manifest), read_environment(), version), version)
    mlbom = validated(mlbom_of(report, version, digest_bytes(sbom)), version)
    return {MLBOM_FILE: mlbom, SBOM_FILE: sbom}
