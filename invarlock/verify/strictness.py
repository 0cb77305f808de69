"""Where the evidence is not at hand: the producer's bar, if it is at least as strict.

The signed statement names the bar that the run was made for, and the producer's verdict under it.
If that bar accepts nothing that the consumer's refuses, a pass under it is one under theirs, should
the producer's word on the numbers be true. Whether that is enough is for the consumer to
say, and the default is that it is not. Gates on signatures are decided here, from the signatures
that were verified, for no producer can.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from invarlock.attest.predicate import Predicate
from invarlock.judge import Values, Verdict, decide, signature_values, voucher_values
from invarlock.judge.signature import on_signature
from invarlock.policy.ir import BarIR
from invarlock.verify.drift import AT_LEAST_AS_STRICT, compared
from invarlock.verify.result import Finding, Level, Strictness, refused
from invarlock.verify.signatures import Signature, by_signer
from invarlock.verify.vouchers import Vouched, by_model


def prove(predicate: Predicate, consumer: BarIR, producer: BarIR, *, accepted: bool) -> Strictness:
    """Hold the bar of the run against the consumer's."""
    relation, differences = compared(_unsigned(consumer), _unsigned(producer))
    return Strictness(
        run=producer.digest,
        relation=relation,
        signed_verdict=predicate.verdict,
        holds=relation in AT_LEAST_AS_STRICT and predicate.verdict == "pass",
        accepted=accepted,
        differences=differences,
    )


def check_gates(predicate: Predicate, producer: BarIR) -> Iterator[Finding]:
    """The statement's gates are those of the bar, and what they say gives its verdict."""
    signed = {gate.id: gate.level for gate in predicate.gates}
    written = {gate.id: gate.level for gate in producer.gates}
    if signed != written or len(predicate.gates) != len(written):
        yield refused(
            *(Level.BOUND, "E404", "the statement's gates are not those of its bar"),
            found=", ".join(sorted(signed))[:200],
            expected=", ".join(sorted(written))[:200],
        )
    for gate in predicate.gates:
        may = {"pass", "pending"} if on_signature(gate.id) else {"pass"}
        if gate.level == "require" and predicate.verdict == "pass" and gate.verdict not in may:
            yield refused(
                *(Level.BOUND, "E404", f"the statement passes, and its gate `{gate.id}` does not"),
                found=gate.verdict,
                expected="pass",
            )


def check_proof(proof: Strictness) -> Iterator[Finding]:
    """Why an accepted proof does not stand in for the evidence, if it does not."""
    if proof.holds:
        return
    if proof.relation not in AT_LEAST_AS_STRICT:
        why = f"the bar of the run is {proof.relation}, beside yours"
    else:
        why = f"the signed verdict is `{proof.signed_verdict}`"
    yield Finding(
        level=Level.JUDGED,
        kind="lacking",
        code="E415",
        what=f"nothing stands in for the evidence: {why}",
        hint="pass the run's folder with --run",
    )


def signature_verdict(
    consumer: BarIR, signatures: tuple[Signature, ...], vouched: Sequence[Vouched]
) -> Verdict:
    """The verdict of the consumer's gates on signatures; a pass where there is none."""
    gates = tuple(gate for gate in consumer.gates if on_signature(gate.measure))
    if not any(gate.level == "require" for gate in gates):
        return Verdict(verdict="pass", gates=())
    values = Values().also(signature_values(by_signer(signatures), consumer))
    return decide(replace(consumer, gates=gates), values.also(voucher_values(by_model(vouched))))


def _unsigned(bar: BarIR) -> BarIR:
    """``bar`` without its gates on signatures."""
    gates = tuple(gate for gate in bar.gates if not on_signature(gate.measure))
    return replace(bar, gates=gates)
