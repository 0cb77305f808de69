"""Strict validation against the schemas that the CycloneDX library ships, before anything is
written. The library is part of the extra `hf`; a verifier does without."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

from invarlock.bom.document import Version
from invarlock.canonical import Json, canonical_bytes
from invarlock.errors import EnvironmentFault, InternalFault

_HINT: Final = "install `invarlock[hf]`"


def check_validator() -> None:
    """Raise :class:`EnvironmentFault` E605 where the library is not installed: before anything is
    measured, not after."""
    for name in ("cyclonedx", "jsonschema"):
        if find_spec(name) is None:
            raise EnvironmentFault("E605", f"bills of materials need `{name}`", _HINT)


def validated(document: dict[str, Json], version: Version) -> bytes:
    """The canonical bytes of ``document``, which fits the strict schema of ``version``.

    Raises :class:`EnvironmentFault` E605 without the library, and :class:`InternalFault` E901 for
    a document that does not fit, of which none is written here.
    """
    check_validator()
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    data = canonical_bytes(document)
    schema = SchemaVersion.V1_6 if version == "1.6" else SchemaVersion.V1_7
    found = JsonStrictValidator(schema).validate_str(data.decode())
    if found is not None:
        reason = " ".join(str(found).split())[:300]
        raise InternalFault("E901", f"a bill of materials is not valid: {reason}", "please report")
    return data
