"""One verification, level by level: signed → bound → judged, then the consumer's bar.

A level that fails does not hide what the next would have found, except that nothing is read on
the word of a signature that does not hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from invarlock.attest.statement import Statement, parse_statement
from invarlock.errors import (
    EXIT_INCONCLUSIVE,
    EXIT_VERIFICATION,
    InternalFault,
    VerificationFault,
)
from invarlock.evidence.model import Evidence
from invarlock.evidence.schema import Contract
from invarlock.judge import (
    Values,
    Verdict,
    contract_of,
    decide,
    estimate,
    same_measurement,
    signature_values,
)
from invarlock.verify.bar import ConsumerBar, bar_of_policy, pinned_bar
from invarlock.verify.bound import check_beacon, check_folders, check_subject, digest_of, read_run
from invarlock.verify.documents import check_documents
from invarlock.verify.judged import Recomputed, recompute
from invarlock.verify.request import VerifyRequest
from invarlock.verify.result import (
    LIMITS,
    VERDICT_EXIT,
    Finding,
    Level,
    Outcome,
    Status,
    VerificationResult,
    refusal_of,
)
from invarlock.verify.run_folder import open_run
from invarlock.verify.signatures import (
    Signature,
    Trusted,
    by_signer,
    check_signatures,
    trusted,
)


@dataclass(slots=True)
class _State:
    """What one verification has found so far."""

    request: VerifyRequest
    trust: Trusted
    bar: ConsumerBar | None
    findings: list[Finding] = field(default_factory=list)
    signatures: tuple[Signature, ...] = ()
    statement: Statement | None = None
    producer_bar: str | None = None
    verdict: Verdict | None = None

    def any(self, kind: str, level: Level | None = None) -> bool:
        """Whether something of this kind was found, at ``level`` or at any."""
        return any(f.kind == kind and level in {None, f.level} for f in self.findings)


def verify_bundle(request: VerifyRequest) -> VerificationResult:
    """Verify ``request.bundle`` as far as was asked.

    Whatever is wrong with bundle, run or artifacts is a finding of the result. Raises
    :class:`UsageFault` for a request, key or policy that cannot be used,
    :class:`EnvironmentFault` for absent or unreadable paths that the consumer named, and
    :class:`SafetyRefusal` for a model folder that no one should load.
    """
    request.check()
    trust = trusted(request)
    bar = bar_of_policy(request.policy) if request.policy is not None else None
    state = _State(request, trust, bar)
    state.statement = _signed(state)
    if state.statement is not None and request.asks(Level.BOUND):
        _examine(state, state.statement)
    return _result(state)


def _signed(state: _State) -> Statement | None:
    """Level `signed`: the statement, once signers that the consumer trusts are shown to have
    signed it."""
    try:
        payload, signatures = check_signatures(state.request, state.trust)
        statement = parse_statement(payload)
    except VerificationFault as err:
        state.findings.append(refusal_of(Level.SIGNED, err))
        return None
    state.signatures = signatures
    return statement


def _examine(state: _State, statement: Statement) -> None:
    """Levels `bound` and `judged`; all that is wrong is noted, not only the first."""
    request = state.request
    recomputed = None
    state.findings.extend(check_subject(statement))
    with open_run(request.run_folder) as run:
        contents = read_run(run, statement.predicate, state.findings)
    if request.asks(Level.JUDGED) and contents.complete:
        known = state.bar.compiled if state.bar is not None else None
        recomputed = recompute(contents, statement, state.findings, known)
        _pin(state, recomputed)
    state.findings.extend(
        check_folders(
            statement.predicate,
            request,
            baseline_pinned=state.bar is not None and state.bar.pins("baseline.digest"),
            data_pinned=state.bar is not None and state.bar.pins("data.digest"),
        )
    )
    asked = state.bar is not None and state.bar.ir.settings["windows.beacon"] == "required"
    state.findings.extend(check_beacon(statement.predicate, request.beacon, asked=asked))
    evidence = recomputed.evidence if recomputed is not None else None
    if request.data is not None and evidence is not None:
        state.findings.extend(_documents(request.data, evidence))
    if recomputed is not None:
        state.producer_bar = recomputed.bar.ir.digest
        _judge(state, recomputed)


def _documents(data: Path, evidence: Evidence) -> Iterator[Finding]:
    """What the data file says of the windows, if it is the one that was signed."""
    if digest_of(data) == evidence.header.data.digest:
        yield from check_documents(data, evidence)


def _pin(state: _State, recomputed: Recomputed | None) -> None:
    digest = state.request.policy_digest
    if digest is None or recomputed is None:
        return
    state.bar = pinned_bar(digest, recomputed.bar.name, recomputed.bar.ir)
    if state.bar is None:
        state.findings.append(
            Finding(
                level=Level.JUDGED,
                kind="refused",
                code="E411",
                what=f"the run's bar `{recomputed.bar.name}` is not the one pinned",
                found=recomputed.bar.ir.digest,
                expected=digest,
                hint="pin the digest of a bar you reviewed, or pass its policy with --policy",
            )
        )


def _judge(state: _State, recomputed: Recomputed) -> None:
    """Decide under the consumer's bar, once nothing speaks against evidence and artifacts."""
    if state.any("refused") or recomputed.evidence is None:
        return
    if state.bar is None:
        what, hint = "consistent, no bar applied", "pass --policy F#TIER+PROFILE or --policy-digest"
        state.findings.append(_undecided("E410", what, hint))
        return
    contract = contract_of(state.bar.ir)
    if not same_measurement(contract, recomputed.evidence.header.contract):
        what = "the evidence was measured under another contract than the bar's"
        hint = "evaluate again under the consumer's bar"
        state.findings.append(_undecided("E408", what, hint))
        return
    if not state.any("lacking"):
        signature = signature_values(by_signer(state.signatures), state.bar.ir)
        values = _values(recomputed, recomputed.evidence, contract)
        state.verdict = _settled(decide(state.bar.ir, values.also(signature)))


def _values(recomputed: Recomputed, evidence: Evidence, contract: Contract) -> Values:
    """The values under the consumer's contract, which is most often the producer's too."""
    if recomputed.values is not None and contract == evidence.header.contract:
        return recomputed.values
    return estimate(evidence, contract)


def _settled(verdict: Verdict) -> Verdict:
    """``verdict``, in which nothing waits for a verifier: this is the verifier."""
    if verdict.pending:
        named = ", ".join(f"`{gate}`" for gate in verdict.pending)
        raise InternalFault("E901", f"verified without a decision on {named}", "please report it")
    return verdict


def _undecided(code: str, what: str, hint: str) -> Finding:
    return Finding(level=Level.JUDGED, kind="undecided", code=code, what=what, hint=hint)


def _result(state: _State) -> VerificationResult:
    outcome, exit_code = _outcome(state)
    statement = state.statement
    subject = statement.subject[0].digest.sha256 if statement is not None else None
    return VerificationResult(
        outcome=outcome,
        exit_code=exit_code,
        asked=state.request.level,
        levels=_levels(state),
        signers=tuple(one.signer for one in state.signatures),
        subject=None if subject is None else f"sha256:{subject}",
        origin=statement.predicate.origin if statement is not None else None,
        bar=state.bar.used if state.bar is not None else None,
        producer_bar=state.producer_bar,
        verdict=state.verdict.verdict if state.verdict is not None else None,
        gates=state.verdict.gates if state.verdict is not None else (),
        findings=tuple(state.findings),
        limits=LIMITS[state.request.level],
    )


def _outcome(state: _State) -> tuple[Outcome, int]:
    if state.any("refused"):
        return "refused", EXIT_VERIFICATION
    if state.any("lacking"):
        return "lacking", EXIT_INCONCLUSIVE
    if state.verdict is None:
        return "no-bar", EXIT_INCONCLUSIVE
    return state.verdict.verdict, VERDICT_EXIT[state.verdict.verdict]


def _levels(state: _State) -> dict[Level, Status]:
    """What became of each level; one above a level that was not reached says nothing."""
    found: dict[Level, Status] = {}
    below = Status.REACHED
    for level in Level:
        if not state.request.asks(level):
            found[level] = Status.NOT_ASKED
            continue
        if state.any("refused", level):
            below = Status.FAILED
        elif below in {Status.FAILED, Status.BLOCKED}:
            below = Status.BLOCKED
        elif state.any("lacking", level):
            below = Status.LACKING
        found[level] = below
    return found
