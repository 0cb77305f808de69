"""What both bills of materials are made of. Pure; no library, for a verifier builds them, too.

Source: https://cyclonedx.org/docs/1.6/json/ and https://cyclonedx.org/docs/1.7/json/.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Final, Literal, get_args

from invarlock.canonical import Json, digest_json
from invarlock.errors import VerificationFault

Version = Literal["1.6", "1.7"]
"""Versions of CycloneDX that are written."""
VERSIONS: Final[tuple[Version, ...]] = get_args(Version)

MLBOM_FILE: Final = "mlbom.cdx.json"
SBOM_FILE: Final = "sbom.cdx.json"

_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "https://invarlock.dev/bom/v1")


def bom(
    version: Version,
    *,
    created: str,
    tool: str,
    component: Mapping[str, Json],
    components: Sequence[Json],
    dependencies: Sequence[Json],
) -> dict[str, Json]:
    """A bill of materials. ``created`` as in the report, ``tool`` the version of this package.

    Its serial number follows from all else that is in it: the same content is the same document.
    """
    body: dict[str, Json] = {
        "$schema": f"http://cyclonedx.org/schema/bom-{version}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": version,
        "version": 1,
        "metadata": {
            "timestamp": created,
            "tools": {
                "components": [{"type": "application", "name": "invarlock", "version": tool}]
            },
            "component": dict(component),
        },
        "components": list(components),
        "dependencies": list(dependencies),
    }
    return body | {"serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, digest_json(body))}"}


def version_of(document: Json, name: str) -> Version:
    """The version that a document of a run is written in. Raises E405 for what is none."""
    found = document.get("specVersion") if isinstance(document, dict) else None
    if found not in VERSIONS:
        known = " or ".join(VERSIONS)
        raise VerificationFault(
            "E405", f"`{name}` is no CycloneDX {known}", "do not deploy; ask the producer"
        )
    return found


def hashes(digest: str) -> list[Json]:
    """The ``hashes`` of a component whose bytes have ``digest``."""
    return [{"alg": "SHA-256", "content": digest.removeprefix("sha256:")}]


def properties(**pairs: str | None) -> list[Json]:
    """``properties`` in this package's namespace, sorted; dots are spelled ``__``."""
    return listed({name.replace("__", "."): text for name, text in pairs.items()})


def listed(pairs: Mapping[str, str | None]) -> list[Json]:
    """``properties`` in this package's namespace, sorted, without those that have no value."""
    return [
        {"name": f"invarlock:{name}", "value": text}
        for name, text in sorted(pairs.items())
        if text is not None
    ]
