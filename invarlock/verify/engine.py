"""One verification, level by level: signed → bound → judged, then the consumer's bar.

A level that fails does not hide what the next would have found, except that nothing is read on
the word of a signature that does not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from invarlock.attest.predicate import Predicate
from invarlock.attest.statement import Statement, parse_statement
from invarlock.errors import InternalFault, VerificationFault
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
    voucher_values,
)
from invarlock.policy.ir import BarIR
from invarlock.verify.answer import result_of
from invarlock.verify.bar import Passing, bar_of_policy, pinned_bar
from invarlock.verify.bound import (
    beacon_given,
    check_beacon,
    check_folders,
    check_subject,
    digest_of,
    read_run,
)
from invarlock.verify.judged import Recomputed, recompute
from invarlock.verify.request import VerifyRequest
from invarlock.verify.required import check_bills, check_required
from invarlock.verify.result import Finding, Level, VerificationResult, refusal_of
from invarlock.verify.run_folder import open_run
from invarlock.verify.signatures import by_signer, check_signatures, stale_roots, trusted
from invarlock.verify.state import State
from invarlock.verify.vouchers import by_model, check_vouchers

Say = Callable[[str], None]


def verify_bundle(request: VerifyRequest, say: Say = lambda line: None) -> VerificationResult:
    """Verify ``request.bundle`` as far as was asked; ``say`` is told what takes long.

    Whatever is wrong with bundle, run or artifacts is a finding of the result. Raises
    :class:`UsageFault` for a request, key or policy that cannot be used,
    :class:`EnvironmentFault` for absent or unreadable paths that the consumer named, and
    :class:`SafetyRefusal` for a model folder that no one should load.
    """
    request.check()
    bar = bar_of_policy(request.policy) if request.policy is not None else None
    trust = trusted(request, bar.ir if bar is not None else None)
    reference = bar_of_policy(request.reference) if request.reference is not None else None
    state = State(request, trust, bar, reference)
    state.statement = _signed(state)
    if state.statement is not None:
        state.findings.extend(check_required(request, [one.signer for one in state.signatures]))
        _compare(state, state.statement.predicate)
        _disclosed(state, state.statement.predicate)
        if request.asks(Level.BOUND):
            _examine(state, state.statement, say)
    return result_of(state)


def _signed(state: State) -> Statement | None:
    """Level `signed`: the statement, once signers that the consumer trusts are shown to have
    signed it."""
    try:
        payload, signatures = check_signatures(state.request, state.trust)
        statement = parse_statement(payload)
    except VerificationFault as err:
        state.findings.append(refusal_of(Level.SIGNED, err))
        return None
    state.signatures = signatures
    state.findings.extend(stale_roots(signatures))
    return statement


def _examine(state: State, statement: Statement, say: Say) -> None:
    """Levels `bound` and `judged`; all that is wrong is noted, not only the first."""
    request = state.request
    recomputed = None
    state.findings.extend(check_subject(statement))
    before = len(state.findings)
    with open_run(request.run_folder) as run:
        contents = read_run(run, statement.predicate, state.findings)
    state.absent = frozenset(one for one in state.findings[before:] if one.kind == "lacking")
    if "bom" in request.require:
        state.findings.extend(check_bills(contents.listed, contents.files))
    if request.asks(Level.JUDGED) and contents.complete:
        known = state.bar.compiled if state.bar is not None else None
        recomputed = recompute(contents, statement, state.findings, known)
    if request.asks(Level.JUDGED):
        _pin(state, statement.predicate)
    state.findings.extend(
        check_folders(
            statement.predicate,
            request,
            baseline_pinned=state.bar is not None and state.bar.pins("baseline.digest"),
            data_pinned=state.bar is not None and state.bar.pins("data.digest"),
        )
    )
    bar = None if state.bar is None else state.bar.ir
    state.vouched = check_vouchers(request, statement.predicate, state.trust, bar)
    state.findings.extend(one.finding for one in state.vouched if one.finding is not None)
    evidence = recomputed.evidence if recomputed is not None else None
    _order(state, statement.predicate, recomputed=evidence is not None)
    if request.data is not None and evidence is not None:
        state.findings.extend(_documents(request.data, evidence))
    if recomputed is not None:
        state.producer_bar = recomputed.bar.ir.digest
        _judge(state, recomputed)
        _again(state, statement, recomputed.evidence, say)
    elif request.asks(Level.JUDGED) and not contents.complete:
        _stand_in(state, statement.predicate)


def _disclosed(state: State, predicate: Predicate) -> None:
    """Single windows, which go by what the signature covers alone."""
    folder = state.request.disclosed
    if folder is not None:
        from invarlock.verify.disclosed import check_disclosed

        level = Level.BOUND if state.request.asks(Level.BOUND) else Level.SIGNED
        state.disclosed = check_disclosed(folder, predicate, level, state.findings)


def _order(state: State, predicate: Predicate, *, recomputed: bool) -> None:
    """The beacon in the schedule's seed, and whether the bar was registered before the run."""
    request = state.request
    if request.registration is not None or "preregistered" in request.require:
        from invarlock.verify.registered import check_preregistered, check_registration

        state.registration = check_registration(
            request, state.trust, predicate, state.findings, recomputed=recomputed
        )
        if "preregistered" in request.require:
            state.findings.extend(check_preregistered(state.registration))
    asked = state.bar is not None and state.bar.ir.settings["windows.beacon"] == "required"
    given = beacon_given(request, predicate, state.registration)
    state.findings.extend(check_beacon(predicate, given, asked=asked))


def _stand_in(state: State, predicate: Predicate) -> None:
    """Without the evidence: whether the run's bar is at least as strict as the consumer's, and
    with that accepted a verdict on the producer's word."""
    producer = _signed_bar(state, predicate)
    if state.bar is None or producer is None:
        return
    from invarlock.verify.claimed import check_claims
    from invarlock.verify.strictness import check_gates, check_proof, prove, signature_verdict

    accepted = state.request.accept_strictness
    state.strictness = prove(predicate, state.bar.ir, producer, accepted=accepted)
    state.findings.extend(check_gates(predicate, producer))
    if state.strictness.holds:
        state.findings.extend(check_claims(predicate, producer, state.bar.ir))
    if accepted:
        state.findings.extend(check_proof(state.strictness))
    lacking = {one for one in state.findings if one.kind == "lacking"}
    if state.by_strictness and lacking <= state.absent and not state.any("refused"):
        state.verdict = _settled(signature_verdict(state.bar.ir, state.signatures, state.vouched))


def _compare(state: State, predicate: Predicate) -> None:
    """Hold the run's bar against the reference, if there is one."""
    if state.reference is None:
        return
    from invarlock.verify.drift import check_reference, drift

    bar = _signed_bar(state, predicate)
    if bar is not None:
        state.policy_digest = drift(state.reference, bar)
        if "reference" in state.request.require:
            state.findings.extend(check_reference(state.policy_digest))


def _signed_bar(state: State, predicate: Predicate) -> BarIR | None:
    from invarlock.verify.producer import signed_bar

    try:
        return signed_bar(predicate)
    except VerificationFault as err:
        state.findings.append(refusal_of(Level.SIGNED, err))
        return None


def _documents(data: Path, evidence: Evidence) -> Iterator[Finding]:
    """What the data file says of the windows, if it is the one that was signed."""
    if digest_of(data) == evidence.header.data.digest:
        from invarlock.verify.documents import check_documents

        yield from check_documents(data, evidence)


def _pin(state: State, predicate: Predicate) -> None:
    """The signed bar as the consumer's, where its digest is the one pinned."""
    digest = state.request.policy_digest
    if digest is None:
        return
    name, signed = predicate.policy.bar, predicate.resolved_policy
    state.bar = pinned_bar(digest, name, signed)
    if state.bar is None:
        state.findings.append(
            Finding(
                level=Level.JUDGED,
                kind="refused",
                code="E411",
                what=f"the run's bar `{name}` is not the one pinned",
                found=signed.digest,
                expected=digest,
                hint="pin the digest of a bar you reviewed, or pass its policy with --policy",
            )
        )


def _judge(state: State, recomputed: Recomputed) -> None:
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
        signature = {
            **signature_values(by_signer(state.signatures), state.bar.ir),
            **voucher_values(by_model(state.vouched)),
        }
        values = _values(recomputed, recomputed.evidence, contract)
        bar = state.bar.ir
        state.verdict = _settled(decide(bar, values.also(signature)))
        state.passes = Passing(bar, signature)


def _again(state: State, statement: Statement, evidence: Evidence | None, say: Say) -> None:
    """Levels `measured` and `reproduced`, once nothing speaks against evidence and artifacts."""
    if not state.request.asks(Level.MEASURED) or evidence is None:
        return
    if state.any("refused") or state.any("lacking"):
        return
    from invarlock.verify.again import Claim, measure_again

    passing = state.verdict is not None and state.verdict.verdict == "pass"
    claim = Claim(evidence, statement.predicate.merkle_root, state.passes if passing else None)
    state.reproduction = measure_again(state.request, claim, state.findings, say)
    if state.any("refused"):
        state.verdict = None
    elif state.any("undecided", Level.REPRODUCED) and state.verdict is not None:
        state.verdict = state.verdict.model_copy(update={"verdict": "inconclusive"})


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
