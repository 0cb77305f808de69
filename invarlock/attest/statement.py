"""in-toto Statement v1 with one subject: the subject model's root digest.

Source: https://github.com/in-toto/attestation, spec/v1/statement.md. One subject, because with
files as subjects any model that shares a `LICENSE` would inherit the pass (DESIGN section 5).
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, StringConstraints

from invarlock.attest.parse import parse_exact
from invarlock.attest.predicate import PREDICATE_TYPE, Closed, Predicate, predicate_of
from invarlock.canonical import StrictJsonError, canonical_bytes, strict_json
from invarlock.errors import VerificationFault
from invarlock.evidence.schema import Digest
from invarlock.judge.records import Report

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
MAX_STATEMENT: Final = 24 << 20

DECLARED: Final[frozenset[str]] = frozenset({"subject[].name"})
"""JSON paths of the statement, outside its predicate, that are the signer's word."""

Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class SubjectDigest(Closed):
    """The subject model's root digest, as in-toto spells digests."""

    sha256: Hex


class Subject(Closed):
    """The model that was evaluated. The name is what the producer called it."""

    name: str
    digest: SubjectDigest


class Statement(Closed):
    """What is signed, as canonical JSON."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    type_: Literal["https://in-toto.io/Statement/v1"] = Field(
        default="https://in-toto.io/Statement/v1", alias="_type"
    )
    subject: tuple[Subject, ...] = Field(min_length=1, max_length=1)
    predicateType: Literal["https://invarlock.dev/evaluation/v1"] = (  # noqa: N815 - in-toto's name
        "https://invarlock.dev/evaluation/v1"
    )
    predicate: Predicate


def statement_of(report: Report, report_digest: Digest) -> Statement:
    """The statement about ``report``, whose file has ``report_digest``. Pure."""
    digest = SubjectDigest(sha256=report.subject.digest.removeprefix("sha256:"))
    subject = Subject(name=report.names.subject, digest=digest)
    return Statement(subject=(subject,), predicate=predicate_of(report, report_digest))


def statement_bytes(statement: Statement) -> bytes:
    """The exact bytes that are signed: RFC 8785."""
    return canonical_bytes(statement.model_dump(mode="json", by_alias=True))


def parse_statement(payload: bytes) -> Statement:
    """The statement that ``payload`` holds.

    Raises :class:`VerificationFault`: E402 for a statement of another type, E405 for a malformed
    one: more than one subject, a field absent or unknown, another spelling than RFC 8785's.
    """
    hint = "pass the bundle that `attest` wrote"
    try:
        value = strict_json(payload, max_bytes=MAX_STATEMENT)
    except StrictJsonError as err:
        raise VerificationFault("E402", f"the payload is not strict JSON: {err}", hint) from err
    for field, wanted in (("_type", STATEMENT_TYPE), ("predicateType", PREDICATE_TYPE)):
        found = value.get(field) if isinstance(value, dict) else None
        if found != wanted:
            shown = f"`{found[:120]}`" if isinstance(found, str) else "absent"
            raise VerificationFault("E402", f"`{field}` is {shown}, not `{wanted}`", hint)
    return parse_exact(Statement, payload, value, what="the statement")
