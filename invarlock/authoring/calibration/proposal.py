"""A policy of calibrated bounds as text that compiles. Pure.

It asks what the bar asks, with other numbers: gates on how evidence is taken stay as they are,
gates that a damaged model moves get a bound from the null runs, and baseline and data are pinned,
since the bounds are worth something for these alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final

from invarlock.authoring.calibration.bounds import Calibrated, calibrated, is_damage
from invarlock.authoring.format import format_source
from invarlock.canonical import decimal_text, quantise
from invarlock.errors import InternalFault
from invarlock.judge import Values
from invarlock.policy import Compiled, compile_policy
from invarlock.policy.catalogue import MEASURES, SETTINGS
from invarlock.policy.diagnostics import PolicyFault
from invarlock.policy.ir import BarIR, Gate
from invarlock.policy.words import relation_text, setting_text

TIER: Final = "calibrated"
_PINNED: Final = frozenset({"baseline.digest", "data.digest"})


def propose(
    bar: BarIR,
    runs: Sequence[Values],
    rate: Fraction,
    *,
    name: str,
    baseline: str,
    data: str,
) -> tuple[bytes, Compiled, tuple[Calibrated, ...]]:
    """The policy's source, the policy it compiles to, and its calibrated gates.

    ``rate`` is the false-alarm rate of each gate; ``name`` that of the policy; ``baseline`` and
    ``data`` are the digests to pin. Raises ``ValueError`` where the runs are too few for the rate;
    :class:`InternalFault` E901 where the text does not compile.
    """
    judged = [(gate, calibrated(gate, runs, rate)) for gate in bar.gates if is_damage(gate)]
    found = tuple(outcome for _, outcome in judged if isinstance(outcome, Calibrated))
    lines = [*_head(bar, name, len(runs), rate, len(found)), *_facts(bar, baseline, data)]
    lines += [f"tier {TIER} {{", *_tier(judged), "}"]
    text = "\n".join(lines).encode() + b"\n"
    try:
        source = format_source(text, filename="proposed.invar")
        return source, compile_policy(source, filename="proposed.invar"), found
    except PolicyFault as err:
        raise InternalFault("E901", f"the proposed policy does not compile: {err}") from err


def _head(bar: BarIR, name: str, runs: int, rate: Fraction, gates: int) -> Iterator[str]:
    yield "invar 1"
    yield f'policy {name} "0.1.0"'
    yield f'about = "Proposed by invarlock advanced calibrate from {runs} null edits"'
    yield f"task = {bar.task}"
    yield ""
    for key, value in sorted(bar.settings.items()):
        if value != SETTINGS[key].default:
            yield f"{key} = {setting_text(key, value)}"
    yield ""
    yield f"# False alarms: of each calibrated gate at most {_percent(rate)}, whatever the shape of"
    yield f"# the null runs' values; of all {gates} together at most {_percent(rate * gates)}."
    yield "# What harm these bounds let through they do not say: only edits that harm can."
    yield ""


def _facts(bar: BarIR, baseline: str, data: str) -> Iterator[str]:
    for gate in bar.gates:
        signed = MEASURES[gate.measure].evidence == "signature"
        if not is_damage(gate) and not signed and gate.measure not in _PINNED:
            yield _statement(gate)
    yield f"require baseline.digest in {{{baseline}}}  # the bounds belong to this baseline"
    yield f"require data.digest in {{{data}}}  # and to this text"
    yield ""


def _tier(judged: Sequence[tuple[Gate, Calibrated | str]]) -> Iterator[str]:
    for before, outcome in judged:
        if isinstance(outcome, str):
            yield f"{_statement(before)}  # not calibrated: {outcome}"
            continue
        place = "largest" if outcome.rank == 1 else f"{outcome.rank} from the largest"
        reason = f"{place} of {outcome.runs}: {decimal_text(quantise(outcome.extreme))}"
        asked = f"the bar asked {relation_text(before)}, {outcome.missed} miss it"
        yield f"{_statement(outcome.gate)}  # {reason}; {asked}"


def _statement(gate: Gate) -> str:
    return f"{gate.level} {gate.id} {relation_text(gate)}"


def _percent(rate: Fraction) -> str:
    hundredths = min(rate, Fraction(1)) * 10_000
    return f"{float(hundredths) / 100:.4g}%"
