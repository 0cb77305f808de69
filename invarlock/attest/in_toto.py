"""in-toto Statement v1 with one subject, whatever its predicate.

Source: https://github.com/in-toto/attestation, spec/v1/statement.md. One subject, because with
files as subjects any model that shares a `LICENSE` would inherit the pass (DESIGN section 5).
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from invarlock.canonical import Json, StrictJsonError, strict_json
from invarlock.errors import VerificationFault
from invarlock.evidence.schema import Digest

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"

Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class _Closed(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        defer_build=True,
        validate_by_name=True,
        validate_by_alias=True,
    )


class Sha256(_Closed):
    """A SHA-256 digest, as in-toto spells it."""

    sha256: Hex


class Subject(_Closed):
    """What a statement is about, by digest: a model by its root, or a bar by its meaning. The name
    is what whoever signs calls it."""

    name: str
    digest: Sha256


class InToto(_Closed):
    """The fields that every statement here has; each kind adds ``predicateType`` and
    ``predicate``."""

    type_: Literal["https://in-toto.io/Statement/v1"] = Field(
        default="https://in-toto.io/Statement/v1", alias="_type"
    )
    subject: tuple[Subject, ...] = Field(min_length=1, max_length=1)


def sha256_of(digest: Digest) -> Sha256:
    """``sha256:…`` as in-toto spells it."""
    return Sha256(sha256=digest.removeprefix("sha256:"))


def read_statement(payload: bytes, predicate_type: str, *, max_bytes: int, hint: str) -> Json:
    """The JSON of a statement whose predicate is of ``predicate_type``; nothing else is checked.

    Raises :class:`VerificationFault` E402 for what is no JSON, or a statement of another type.
    """
    try:
        value = strict_json(payload, max_bytes=max_bytes)
    except StrictJsonError as err:
        raise VerificationFault("E402", f"the payload is not strict JSON: {err}", hint) from err
    for field, wanted in (("_type", STATEMENT_TYPE), ("predicateType", predicate_type)):
        found = value.get(field) if isinstance(value, dict) else None
        if found != wanted:
            shown = f"`{found[:120]}`" if isinstance(found, str) else "absent"
            raise VerificationFault("E402", f"`{field}` is {shown}, not `{wanted}`", hint)
    return value
