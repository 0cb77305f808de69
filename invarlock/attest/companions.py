"""What the statement says, in predicates that others read: test-result, and eval-result.

Sources: https://github.com/in-toto/attestation, spec/predicates/test-result.md (v0.1), and
eval-result as proposed in its pull request 575, read in its revision of autumn 2026, which has
``evaluator`` and content digests of public models and data. Pure functions of the one statement:
same subject, nothing measured or judged again, and nothing said that the statement does not say.
They are the producer's word. `verify` takes neither for an attestation, and only a pass passes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Annotated, Final, Literal, assert_never

from pydantic import BaseModel, ConfigDict, Field

from invarlock.attest.in_toto import InToto, Sha256, sha256_of
from invarlock.attest.predicate import REPORT_FILE, GateSummary
from invarlock.attest.statement import Statement, statement_bytes
from invarlock.canonical import canonical_bytes
from invarlock.judge.records import Instant
from invarlock.judge.sources import SOURCE_FILE
from invarlock.policy.ir import DecimalText, Interval

CompanionType = Literal["test-result", "eval-result"]
EVALUATOR: Final = "https://invarlock.dev/evaluate/v1"
"""Who evaluated: whoever signed. The URI says by which kind of evaluation."""
BAR_FILE: Final = "policy/bar.ir.json"
STATEMENT: Final = "https://invarlock.dev/evaluation/v1"
"""Name of the extension field of a test-result that holds the digest of the one statement."""
NOT_PASSED: Final = "gates.not_passed"
"""The metric of the first claim: how many required gates, signatures aside, did not pass."""


class _Closed(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True
    )


class Resource(_Closed):
    """An in-toto ResourceDescriptor, by digest."""

    name: str | None = None
    digest: Sha256
    mediaType: str | None = None  # noqa: N815 - fixed by in-toto


class TestResult(_Closed):
    """Predicate ``https://in-toto.io/attestation/test-result/v0.1``: a test is a gate."""

    result: Literal["PASSED", "WARNED", "FAILED"]
    configuration: tuple[Resource, ...] = Field(min_length=1)
    passedTests: tuple[str, ...]  # noqa: N815 - names of this class are fixed by in-toto
    warnedTests: tuple[str, ...]  # noqa: N815 - fixed by the predicate
    failedTests: tuple[str, ...]  # noqa: N815 - fixed by the predicate
    statement: Sha256 = Field(alias=STATEMENT)


class Claim(_Closed):
    """``metric comparator threshold``, in the metric's unit, and whether it passed."""

    metric: str
    comparator: Literal[">=", ">", "<=", "<"]
    threshold: DecimalText
    passed: bool


class Evaluator(_Closed):
    """The party that ran the evaluation."""

    id: str


class Suite(_Closed):
    """What was asked: a policy with its bar, and its version."""

    name: str
    version: str


class Harness(_Closed):
    """What ran it."""

    name: str
    version: str


class EvalResult(_Closed):
    """Predicate ``https://in-toto.io/attestation/eval-result/v0.1``, as proposed."""

    evaluator: Evaluator
    evaluatedAt: Instant  # noqa: N815 - names of this class are the proposal's
    suite: Suite
    claims: tuple[Claim, ...] = Field(min_length=1)
    sampleSize: Annotated[int, Field(ge=0)]  # noqa: N815 - fixed by the predicate
    model: Resource
    dataset: Resource
    assuranceLevel: Literal["self_attested"] = "self_attested"  # noqa: N815 - fixed by the predicate
    subjectProfile: Literal["public-model"] = "public-model"  # noqa: N815 - fixed by the predicate
    evidence: tuple[Resource, ...]
    harness: Harness


class TestResultStatement(InToto):
    """An in-toto statement that holds a test-result."""

    predicateType: Literal["https://in-toto.io/attestation/test-result/v0.1"] = (  # noqa: N815 - fixed by the predicate
        "https://in-toto.io/attestation/test-result/v0.1"
    )
    predicate: TestResult


class EvalResultStatement(InToto):
    """An in-toto statement that holds an eval-result."""

    predicateType: Literal["https://in-toto.io/attestation/eval-result/v0.1"] = (  # noqa: N815 - fixed by the predicate
        "https://in-toto.io/attestation/eval-result/v0.1"
    )
    predicate: EvalResult


def companion_bytes(kind: CompanionType, statement: Statement) -> bytes:
    """The exact bytes of the companion of ``statement`` that is signed: RFC 8785."""
    match kind:
        case "test-result":
            made: InToto = TestResultStatement(
                subject=statement.subject, predicate=tests_of(statement)
            )
        case "eval-result":
            made = EvalResultStatement(subject=statement.subject, predicate=claims_of(statement))
        case _:
            assert_never(kind)
    return canonical_bytes(made.model_dump(mode="json", by_alias=True, exclude_none=True))


def tests_of(statement: Statement) -> TestResult:
    """Every gate as a test: FAILED unless the verdict is a pass, WARNED where a warning misses.

    Gates on a signature are decided by whoever verifies it, and stand in no list.
    """
    predicate = statement.predicate
    passed = tuple(gate.id for gate in predicate.gates if gate.verdict == "pass")
    missed = [gate for gate in predicate.gates if gate.verdict not in {"pass", "pending"}]
    warned = tuple(gate.id for gate in missed if gate.level == "warn")
    result: Literal["PASSED", "WARNED", "FAILED"] = "FAILED"
    if predicate.verdict == "pass":
        result = "WARNED" if warned else "PASSED"
    return TestResult(
        result=result,
        configuration=(
            Resource(name=SOURCE_FILE, digest=sha256_of(predicate.policy.source_digest)),
            Resource(name=BAR_FILE, digest=sha256_of(predicate.policy.bar_digest)),
        ),
        passedTests=passed,
        warnedTests=warned,
        failedTests=tuple(gate.id for gate in missed if gate.level == "require"),
        statement=_digest_of(statement),
    )


def claims_of(statement: Statement) -> EvalResult:
    """The verdict as the first claim, then one for each end of each numeric gate's interval.

    A claim passes where its whole gate does. What is words or digests has no claim of its own,
    and counts in the first one.
    """
    predicate = statement.predicate
    verdict = Claim(
        metric=NOT_PASSED, comparator="<=", threshold="0", passed=predicate.verdict == "pass"
    )
    gates = (gate for gate in predicate.gates if gate.verdict != "pending")
    ends = (claim for gate in gates for claim in _claims(statement, gate))
    return EvalResult(
        evaluator=Evaluator(id=EVALUATOR),
        evaluatedAt=predicate.created,
        suite=Suite(
            name=f"{predicate.policy.name}#{predicate.policy.bar}",
            version=predicate.policy.version,
        ),
        claims=(verdict, *ends),
        sampleSize=predicate.look.final,
        model=Resource(name=statement.subject[0].name, digest=sha256_of(predicate.subject.digest)),
        dataset=Resource(digest=sha256_of(predicate.data.digest)),
        evidence=(
            Resource(
                name="statement",
                digest=_digest_of(statement),
                mediaType="application/vnd.in-toto+json",
            ),
            Resource(
                name=REPORT_FILE,
                digest=sha256_of(predicate.report.digest),
                mediaType="application/json",
            ),
        ),
        harness=Harness(name=predicate.tool.name, version=predicate.tool.version),
    )


def _claims(statement: Statement, gate: GateSummary) -> Iterator[Claim]:
    asked = statement.predicate.resolved_policy.gate(gate.id)
    if asked is None or not isinstance(asked.relation, Interval):
        return
    relation, passed = asked.relation, gate.verdict == "pass"
    if relation.low is not None:
        over: Literal[">=", ">"] = ">=" if relation.low_closed else ">"
        yield Claim(metric=gate.id, comparator=over, threshold=relation.low, passed=passed)
    if relation.high is not None:
        under: Literal["<=", "<"] = "<=" if relation.high_closed else "<"
        yield Claim(metric=gate.id, comparator=under, threshold=relation.high, passed=passed)


def _digest_of(statement: Statement) -> Sha256:
    return Sha256(sha256=hashlib.sha256(statement_bytes(statement)).hexdigest())
