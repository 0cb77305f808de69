"""The statement about an evaluation: in-toto's, whose one subject is the subject model's root."""

from __future__ import annotations

from typing import Final, Literal

from invarlock.attest.in_toto import InToto, Subject, read_statement, sha256_of
from invarlock.attest.parse import parse_exact
from invarlock.attest.predicate import PREDICATE_TYPE, Predicate, predicate_of
from invarlock.canonical import canonical_bytes
from invarlock.evidence.schema import Digest
from invarlock.judge.records import Report

MAX_STATEMENT: Final = 24 << 20

DECLARED: Final[frozenset[str]] = frozenset({"subject[].name"})
"""JSON paths of the statement, outside its predicate, that are the signer's word."""


class Statement(InToto):
    """What is signed, as canonical JSON."""

    predicateType: Literal["https://invarlock.dev/evaluation/v1"] = (  # noqa: N815 - in-toto's name
        "https://invarlock.dev/evaluation/v1"
    )
    predicate: Predicate


def statement_of(report: Report, report_digest: Digest) -> Statement:
    """The statement about ``report``, whose file has ``report_digest``. Pure."""
    subject = Subject(name=report.names.subject, digest=sha256_of(report.subject.digest))
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
    value = read_statement(payload, PREDICATE_TYPE, max_bytes=MAX_STATEMENT, hint=hint)
    return parse_exact(Statement, payload, value, what="the statement")
