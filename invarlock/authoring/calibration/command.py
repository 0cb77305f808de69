"""Null runs, then a policy of calibrated bounds, then both written side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from invarlock import __version__
from invarlock.authoring.calibration.bounds import Calibrated, is_damage, least_runs
from invarlock.authoring.calibration.proposal import TIER, propose
from invarlock.canonical import canonical_bytes, decimal_text
from invarlock.errors import UsageFault
from invarlock.evaluate.null_runs import NullRun, NullRuns, measure_null_runs
from invarlock.evaluate.request import ChosenBar, Request, choose_bar
from invarlock.evaluate.run_folder import check_free, new_run_folder, write_file
from invarlock.judge import Key, Value
from invarlock.policy import Compiled

Say = Callable[[str], None]
POLICY_FILE: Final = "proposed.invar"
RUNS_FILE: Final = "calibration.json"
MAX_RUNS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Asked:
    """How many null runs, for which false-alarm rate of each gate, drawn from which seed."""

    runs: int | None
    rate: Fraction
    seed: int

    @property
    def count(self) -> int:
        """The null runs to make: the fewest that the rate can be had from, unless told.

        Raises :class:`UsageFault` E701 where fewer were asked for.
        """
        least = least_runs(self.rate)
        count = least if self.runs is None else self.runs
        if count < least:
            message = f"{count} null runs cannot show a false-alarm rate of {_percent(self.rate)}"
            best = _percent(Fraction(1, count + 1))
            raise UsageFault("E701", message, f"make {least} runs, or ask for {best} or more")
        if count > MAX_RUNS:
            message = f"{count} null runs are more than {MAX_RUNS}"
            raise UsageFault("E701", message, "ask for a higher rate")
        return count


@dataclass(frozen=True, slots=True)
class Proposal:
    """What was proposed, and how many null runs were behind it."""

    runs: int
    compiled: Compiled
    gates: tuple[Calibrated, ...]

    @property
    def bar(self) -> str:
        """The digest of the one bar proposed."""
        return self.compiled.ir.bars[TIER].digest


def calibrate(request: Request, asked: Asked, say: Say) -> Proposal:
    """Measure, propose, and write ``request.out`` with the policy and the runs behind it.

    The policy is compiled before anything is written. Raises what an evaluation raises, and
    :class:`UsageFault` E701 where the runs are too few for the rate or the bar bounds no damage.
    """
    check_free(request.out)
    count = asked.count
    chosen = choose_bar(request)
    if not any(is_damage(gate) for gate in chosen.bar.gates):
        message = f"bar `{chosen.name}` has no gate on what an edit may damage"
        raise UsageFault("E701", message, "choose a bar with a gate such as `perplexity.ratio`")
    with new_run_folder(request.out) as folder:
        null = measure_null_runs(request, chosen, count, asked.seed, say)
        source, compiled, gates = propose(
            chosen.bar, [run.values for run in null.runs], asked.rate,
            name=f"{chosen.compiled.name}_calibrated", baseline=null.baseline, data=null.data,
        )  # fmt: skip
        found = Proposal(count, compiled, gates)
        write_file(folder / POLICY_FILE, source)
        write_file(folder / RUNS_FILE, canonical_bytes(_document(chosen, asked, null, found)))
    return found


def _document(chosen: ChosenBar, asked: Asked, null: NullRuns, found: Proposal) -> dict[str, Any]:
    """``invarlock.calibration/1``: the runs, and the bounds that follow from them."""
    together = min(asked.rate * len(found.gates), Fraction(1))
    return {
        "schema": "invarlock.calibration/1",
        "tool": {"name": "invarlock", "version": __version__},
        "created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "policy": {"name": chosen.compiled.name, "bar": chosen.name,
                   "bar_digest": chosen.bar.digest},
        "proposed": {"bar": TIER, "bar_digest": found.bar,
                     "source_digest": found.compiled.source_digest},
        "false_alarm": {"each": _percent(asked.rate), "together_at_most": _percent(together)},
        "seed": asked.seed,
        "baseline": null.baseline,
        "data": null.data,
        "measurement_contract_hash": null.contract,
        "packages": null.packages,
        "bounds": [_bound(gate) for gate in found.gates],
        "runs": [_run(run) for run in null.runs],
    }  # fmt: skip


def _bound(found: Calibrated) -> dict[str, Any]:
    return {
        "id": found.gate.id,
        "relation": found.gate.relation.document(),
        "rank": found.rank,
        "value": decimal_text(found.extreme),
        "runs": found.runs,
        "bar_missed_by": found.missed,
    }


def _run(run: NullRun) -> dict[str, Any]:
    return {
        "edit": run.edit.kind,
        "seed": run.edit.seed,
        "windows": run.windows,
        "evidence": run.evidence,
        "values": [_value(key, value) for key, value in sorted(run.values.items.items())],
    }


def _value(key: Key, value: Value) -> dict[str, Any]:
    """A value as JSON; what has no number is told by its status."""
    told: dict[str, Any] = {"measure": key.measure, "on": key.kind, "name": key.name}
    told |= {"status": value.status, "words": value.words}
    ends = {"point": value.point, "low": value.low, "high": value.high}
    return told | {name: _number(end) for name, end in ends.items()}


def _number(number: Decimal | None) -> str | None:
    return None if number is None else decimal_text(number)


def _percent(rate: Fraction) -> str:
    return f"{float(rate * 100):.4g}%"
