"""The run's bills of materials, built again from what was recomputed, and compared whole.

Plain JSON: the library that validated them is not needed. Of the software's bill, the list of what
is installed is the host's word and is taken over; a package that the boundary named must have the
version that it named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from invarlock.bom.document import MLBOM_FILE, SBOM_FILE, Version, version_of
from invarlock.bom.models import mlbom_of
from invarlock.bom.software import environment_of, sbom_of
from invarlock.bom.written import ran_of
from invarlock.canonical import Json, StrictJsonError, canonical_bytes, strict_json
from invarlock.errors import VerificationFault
from invarlock.judge.records import Report
from invarlock.security.manifest import RuntimeManifest
from invarlock.verify.differences import differences
from invarlock.verify.result import Finding, Level, refusal_of, refused

_LEVEL: Final = Level.JUDGED
_HINT: Final = "do not deploy; ask the producer"


def check_boms(
    files: Mapping[str, bytes], report: Report, manifest: RuntimeManifest
) -> Iterator[Finding]:
    """Every place where a bill of the run differs from what ``report`` and ``manifest`` give;
    nothing of a bill that the run does not have."""
    listed = {file.path: file.digest for file in report.files}
    ran, sbom = ran_of(report, manifest), listed.get(SBOM_FILE)
    if SBOM_FILE in files:
        data = files[SBOM_FILE]
        yield from _compare(SBOM_FILE, data, lambda d, v: sbom_of(ran, environment_of(d), v))
    if MLBOM_FILE in files:
        yield from _compare(MLBOM_FILE, files[MLBOM_FILE], lambda _, v: mlbom_of(report, v, sbom))


def _compare(
    name: str, data: bytes, again: Callable[[Json, Version], dict[str, Json]]
) -> Iterator[Finding]:
    try:
        signed = strict_json(data)
        rebuilt = again(signed, version_of(signed, name))
    except StrictJsonError as err:
        fault = VerificationFault("E405", f"`{name}` is not strict JSON: {err}", _HINT)
        yield refusal_of(_LEVEL, fault)
        return
    except VerificationFault as err:
        yield refusal_of(_LEVEL, err)
        return
    found = False
    for path, was, must in differences(signed, dict(rebuilt)):
        found = True
        yield refused(_LEVEL, "E404", f"{name}: `{path}`", found=was, expected=must)
    if not found and canonical_bytes(rebuilt) != data:
        fault = VerificationFault("E405", f"`{name}` is not in canonical form", _HINT)
        yield refusal_of(_LEVEL, fault)
