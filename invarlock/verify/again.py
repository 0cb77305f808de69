"""Levels `measured` and `reproduced`, one after the other, once nothing speaks against the rest."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_UP, Context
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final

from invarlock.canonical import decimal_text
from invarlock.errors import Inconclusive, VerificationFault
from invarlock.evidence.leaves import window_leaves
from invarlock.evidence.merkle import merkle_root
from invarlock.evidence.model import Evidence
from invarlock.verify.challenge import SEED_BYTES, chance_missed, drawn, rarely_missed
from invarlock.verify.measured import compare_tensors
from invarlock.verify.reproduced import (
    Compared,
    always,
    compare_scores,
    compare_windows,
    nats,
)
from invarlock.verify.reproduction import Allowed, Missed, Reproduction
from invarlock.verify.result import Finding, Level, refusal_of
from invarlock.verify.tolerance import Tolerance
from invarlock.verify.worst import Judge, Rest, own_numbers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from invarlock.evaluate.again import Again
    from invarlock.evaluate.request import Request
    from invarlock.evidence.schema import Arm, Tensor
    from invarlock.verify.request import VerifyRequest

Say = Callable[[str], None]
_PLACES: Final = Context(prec=3, rounding=ROUND_UP)


@dataclass(frozen=True, slots=True)
class Claim:
    """What is to be measured again: the evidence, the signed root of its windows, and, where the
    evidence passes the consumer's bar, what tells whether other evidence does."""

    evidence: Evidence
    merkle_root: str
    passes: Judge | None


def measure_again(
    request: VerifyRequest, claim: Claim, findings: list[Finding], say: Say
) -> Reproduction | None:
    """Measure weights, and windows where that was asked; note what differs or lacks.

    The signature has been verified, and every artifact has the digest that was signed. Raises what
    an evaluation raises where it cannot be done: :class:`SafetyRefusal` without a boundary or for
    a model that no one should load, :class:`EnvironmentFault` for what is not installed or gives
    out.
    """
    lacking = list(_lacking(request, claim.evidence))
    findings.extend(lacking)
    if lacking or request.subject is None or request.baseline is None:
        return None
    from invarlock.evaluate.again import measuring_again

    with measuring_again(
        _evaluation(request, request.subject, request.baseline),
        claim.evidence.header,
        request.data if request.asks(Level.REPRODUCED) else None,
        say,
    ) as again:
        tensors = again.tensors()
        found = list(compare_tensors(claim.evidence.tensors, tensors))
        findings.extend(found)
        if not request.asks(Level.REPRODUCED):
            return None
        return _Reproducing(request, claim, findings, again, tensors).run()


def _evaluation(request: VerifyRequest, subject: Path, baseline: Path) -> Request:
    """What to measure again, and how, in the words of an evaluation."""
    from invarlock.evaluate.request import Request

    return Request(
        policy="",
        tier=None,
        profile=None,
        baseline=baseline,
        subject=subject,
        data=request.data or Path(),
        out=Path(),
        requested_mode=request.mode,
        device=request.device,
        memory_budget=request.memory_budget,
        use_cache=False,
        threads=request.threads,
    )


def _lacking(request: VerifyRequest, evidence: Evidence) -> list[Finding]:
    """What a level needs and has not got."""
    if evidence.header.origin == "imported":
        what = "imported evidence says nothing that could be measured again"
        return [_note(Level.MEASURED, "lacking", "E409", what, "have the models evaluated")]
    wanted: list[tuple[Level, str, Path | None]] = [
        (Level.MEASURED, "subject", request.subject),
        (Level.MEASURED, "baseline", request.baseline),
        (Level.REPRODUCED, "data", request.data),
    ]
    return [
        _note(level, "lacking", "E409", f"the {name} is not at hand", f"pass --{name}")
        for level, name, path in wanted
        if path is None and request.asks(level)
    ]


@dataclass(slots=True)
class _Reproducing:
    """One reproduction: drawing, scoring, comparing, and what follows for the verdict."""

    request: VerifyRequest
    claim: Claim
    findings: list[Finding]
    again: Again
    tensors: Mapping[Arm, tuple[Tensor, ...]]

    def run(self) -> Reproduction | None:
        """``None`` where windows are not those of the data: there is nothing to score then."""
        evidence = self.claim.evidence
        try:
            windows = self.again.windows()
        except Inconclusive as err:
            self.findings.append(refusal_of(Level.REPRODUCED, err))
            return None
        unlike = list(compare_windows(evidence, windows))
        self.findings.extend(unlike)
        if unlike:
            return None
        seed = self.request.challenge_seed or secrets.token_bytes(SEED_BYTES)
        fixed = always(evidence)
        population = range(fixed, len(evidence.windows))
        challenged = drawn(seed, population, self.request.challenge.of(len(population)))
        chosen = (*range(fixed), *challenged)
        self._check_leaves()
        try:
            scored = self.again.scored(windows, chosen)
        except VerificationFault as err:
            self.findings.append(refusal_of(Level.REPRODUCED, err))
            return None
        compared = compare_scores(evidence, scored, chosen)
        self.findings.extend(compared.findings)
        found = self._told(seed, challenged, scored, compared)
        if self.claim.passes is None or any(f.kind == "refused" for f in self.findings):
            return found
        own = own_numbers(evidence, scored, chosen, self.tensors)
        left = tuple(sorted(set(population) - set(challenged)))
        return self._verdict(found, Rest(own, left), self.claim.passes)

    def _check_leaves(self) -> None:
        """Every window is a leaf of the tree whose root was signed: all are at hand, so that the
        root itself shows it, and no audit path is needed."""
        if merkle_root(window_leaves(self.claim.evidence)) != self.claim.merkle_root:
            fault = VerificationFault("E403", "the windows do not give the signed `merkle_root`")
            self.findings.append(refusal_of(Level.REPRODUCED, fault))

    def _told(
        self, seed: bytes, challenged: tuple[int, ...], scored: Evidence, compared: Compared
    ) -> Reproduction:
        header = self.claim.evidence.header
        tolerance = Tolerance(header.contract.dtype)
        rows = max(window.rows for window in scored.windows)
        return Reproduction(
            seed=seed.hex(),
            windows=len(self.claim.evidence.windows),
            always=len(scored.windows) - len(challenged),
            challenged=challenged,
            isolation=scored.runtime.isolation or "host",
            device=scored.header.subject.device,
            signed_device=header.subject.device,
            largest=nats(compared.largest),
            shift=nats(compared.shift),
            allowed=Allowed(
                dtype=header.contract.dtype,
                token=nats(tolerance.token()),
                window=nats(tolerance.mean(rows)),
                shift=nats(compared.allowed),
            ),
        )

    def _verdict(self, found: Reproduction, rest: Rest, passes: Judge) -> Reproduction:
        """Whether the pass holds at worst, and the odds that it should be none."""
        if not rest.survives(passes):
            what = "the evidence passes, and would not where it is off by what the tolerance grants"
            hint = "challenge all windows" if rest.open else "the subject is too near to the bound"
            self.findings.append(_note(Level.REPRODUCED, "undecided", "E431", what, hint))
            return found.model_copy(update={"survives": False})
        population = len(rest.open) + len(found.challenged)
        update: dict[str, object] = {"survives": True}
        if rest.open:
            update["one"] = _missed(population, len(found.challenged), 1)
            many = rarely_missed(population, len(found.challenged))
            update["many"] = _missed(population, len(found.challenged), many)
        fewest = rest.fewest(passes)
        if fewest is not None:
            update["flip"] = _missed(population, len(found.challenged), fewest)
        return found.model_copy(update=update)


def _missed(population: int, challenged: int, changed: int) -> Missed:
    chance = chance_missed(population, challenged, changed)
    return Missed(windows=changed, probability=_rounded_up(chance))


def _rounded_up(chance: Fraction) -> str:
    """Three significant digits, never less than the truth."""
    if not chance:
        return "0"
    up = _PLACES.divide(_PLACES.create_decimal(chance.numerator), chance.denominator)
    return decimal_text(up) if chance >= Fraction(1, 10**9) else "0.000000001"


def _note(level: Level, kind: str, code: str, what: str, hint: str) -> Finding:
    return Finding.model_validate(
        {"level": level, "kind": kind, "code": code, "what": what, "hint": hint}
    )
