"""The result of a verification as lines for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from invarlock.policy.diagnostics import printable
from invarlock.verify.result import (
    DISCLOSED,
    DisclosedWindow,
    DriftedKey,
    Finding,
    PolicyDigest,
    RegisteredBefore,
    Signer,
    Strictness,
    VerificationResult,
)
from invarlock.verify.run_folder import WHOLE_RUN

OUTCOMES: Final = {
    "pass": "the evidence clears your bar",
    "fail": "the evidence misses your bar",
    "inconclusive": "the evidence cannot decide under your bar",
    "incomplete": "the evidence lacks what your bar asks for",
    "refused": "do not trust this attestation",
    "lacking": "not everything that this level needs is at hand",
    "no-bar": "no bar of yours was applied, so nothing was decided",
}
BY_WORD: Final = (
    "by the signer's word under a bar at least as strict as yours; nothing was recomputed"
)
BEFORE: Final = {
    "beacon": "before the run: it is the beacon in the schedule's seed",
    "time": "before the run: before the time of the beacon in the schedule's seed",
    None: "nothing shows that it came before the run",
}
_SHOWN: Final = 40


def text_lines(result: VerificationResult) -> Iterator[str]:
    """Levels, signers, bar, gates, what was measured again, findings, outcome and limits, safe to
    put on a terminal."""
    drifted = _drift(result.policy_digest) if result.policy_digest is not None else ()
    proof = _strictness(result.strictness) if result.strictness is not None else ()
    again = result.reproduction.lines() if result.reproduction is not None else ()
    before = _registered(result.registration) if result.registration is not None else ()
    windows = _disclosed(result.disclosed) if result.disclosed else ()
    for part in (
        _facts(result),
        windows,
        before,
        drifted,
        proof,
        _gates(result),
        again,
        _findings(result),
    ):
        yield from map(printable, part)
    passed = result.outcome == "pass" and result.judged_by == "strictness"
    told = BY_WORD if passed else OUTCOMES[result.outcome]
    yield printable(f"outcome     {result.outcome}: {told}")
    yield printable(f"limits      {result.limits}")


def _facts(result: VerificationResult) -> Iterator[str]:
    for level, status in result.levels.items():
        yield f"{level:<11} {status}"
    for signer in result.signers:
        yield from _signer(signer)
    for one in result.vouched:
        built = f", built by {one.builder}" if one.builder is not None else ""
        yield f"{one.by:<11} of the {one.model}, by {one.signer}{built}"
    if result.subject is not None:
        yield f"subject     {result.subject}"
    if result.origin == "imported":
        yield "origin      imported: numbers of another program's logs, not measured in a boundary"
    if result.bar is not None:
        source = "your policy" if result.bar.source == "policy" else "the run's, by your digest"
        yield f"bar         {result.bar.name} ({source}) {result.bar.digest}"


def _signer(signer: Signer, label: str = "signer") -> Iterator[str]:
    found = signer.certificate
    if found is None:
        yield f"{label:<11} {signer.type} {signer.key}"
    else:
        yield f"{label:<11} {found.identity} ({found.issuer})"
        if found.repository is not None:
            yield f"source      {found.repository} at {found.ref}"
    for time in signer.times:
        moment = datetime.fromtimestamp(time.seconds, UTC).isoformat()
        yield f"proven time {moment} ({time.source})"


def _drift(found: PolicyDigest) -> Iterator[str]:
    yield f"reference   {found.name} {found.reference}"
    yield f"run's bar   {found.relation if found.changed else 'unchanged'} {found.run}"
    for one in found.differences:
        yield f"  {one.relation:<12} {change(one)}"


def _strictness(proof: Strictness) -> Iterator[str]:
    if proof.accepted and proof.holds:
        yield "judged by   strictness: the signer's word under a bar at least as strict as yours"
    elif proof.holds:
        yield "strictness  the run's bar is at least as strict as yours, and the signer says pass;"
        yield "            --accept-strictness takes that word where the evidence is not at hand"
    else:
        said = f"the signer says {proof.signed_verdict}"
        yield f"strictness  the run's bar is {proof.relation}, beside yours; {said}"
    for one in proof.differences:
        yield f"  {one.relation:<12} {change(one)}"


def change(one: DriftedKey) -> str:
    """One key on which the run's bar differs from the reference, as `key: reference → run`."""
    return f"{one.key}: {one.reference or 'nothing'} → {one.run or 'nothing'}"


def _registered(found: RegisteredBefore) -> Iterator[str]:
    yield f"registered  {BEFORE[found.before]}"
    yield from _signer(found.signer, "  by")


def _disclosed(windows: Sequence[DisclosedWindow]) -> Iterator[str]:
    plural = "" if len(windows) == 1 else "s"
    yield f"disclosed   {len(windows)} window{plural}: {DISCLOSED}"
    for one in windows[:_SHOWN]:
        place = f"document {one.document}" + (f", slice {one.slice}" if one.slice else "")
        size = f"{one.tokens} tokens, {one.rows} rows"
        yield f"  window {one.position:<5} {one.phase} {place}: {size}"
        told = (f"{name} {total or 'not finite'}" for name, total in one.sums.items())
        yield f"    sums       {', '.join(told)}"
    if len(windows) > _SHOWN:
        yield f"  and {len(windows) - _SHOWN} more; see --format json"


def _gates(result: VerificationResult) -> Iterator[str]:
    for gate in result.gates:
        seen = gate.observed if gate.observed is not None else "nothing observed"
        span = f" [{gate.interval[0]}, {gate.interval[1]}]" if gate.interval is not None else ""
        yield f"  {gate.verdict:<12} {gate.level} {gate.id} {gate.bound}: {seen}{span}"


def _findings(result: VerificationResult) -> Iterator[str]:
    absent = [one for one in result.findings if one.code == "E409" and one.hint == WHOLE_RUN]
    single = len(absent) < 2
    if not single:
        what = f"{len(absent)} files of the run are not at hand, named by --format json"
        yield from _finding(absent[0].model_copy(update={"what": what}))
    others = [one for one in result.findings if single or one not in absent]
    for finding in others[:_SHOWN]:
        yield from _finding(finding)
    if len(others) > _SHOWN:
        yield f"  and {len(others) - _SHOWN} more; see --format json"


def _finding(finding: Finding) -> Iterator[str]:
    tail = f"; {finding.hint}" if finding.hint and finding.found is None else ""
    yield f"  {finding.kind:<9} [INVARLOCK:{finding.code}] {finding.what}{tail}"
    if finding.found is not None:
        yield f"            found     {finding.found}"
        yield f"            must be   {finding.expected}"
