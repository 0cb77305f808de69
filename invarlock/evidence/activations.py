"""What the records of layers owe each other: ones that no two models can give are refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from math import sqrt
from typing import Final

import numpy as np

from invarlock.canonical import NANO, NON_FINITE
from invarlock.errors import VerificationFault
from invarlock.evidence.blocks import block_ends
from invarlock.evidence.families import family_of
from invarlock.evidence.layout import Int64s
from invarlock.evidence.schema import (
    Activation,
    Arm,
    Contract,
    Header,
    Overhead,
    Schedule,
    Window,
)

_MAX_NAME: Final = 512
_HINT: Final = "do not deploy; ask the producer"
_SLACK: Final = 1e-4
"""Features are standardised in float32."""
_MAX_PASSES: Final = 1 << 20
_MAX_TIME: Final = 10**15
"""Nanoseconds: twelve days."""
_MAX_SPREAD: Final = 200 * NANO
"""No standard deviation of float32 numbers has a larger logarithm, nor its inverse."""


def guard_windows(contract: Contract, schedule: Schedule) -> int:
    """How many windows, the first of the schedule, the guards on activations look at."""
    return min(contract.edge.windows, schedule.final)


def guard_rows(header: Header, windows: Sequence[Window]) -> int:
    """How many rows the guard windows have together."""
    watched = windows[: guard_windows(header.contract, header.schedule)]
    return sum(window.rows for window in watched)


def held_out(windows: Sequence[Window], count: int) -> int:
    """How many rows come before those that tell what scaling gains: ``count`` guard windows are
    halved, and scales are made from the first half."""
    return sum(window.rows for window in windows[: first_half(count)])


def first_half(count: int) -> int:
    """Of ``count`` guard windows, how many make the scales: half, but at least one."""
    return max(1, count // 2)


def scale_between(before: Activation, after: Activation) -> Fraction | None:
    """ln of what the outputs of a block in the subject are to be multiplied by to spread like the
    baseline's, in nats; ``None`` where either spread is not known."""
    if before.log_spread is None or after.log_spread is None:
        return None
    return Fraction(before.log_spread - after.log_spread, NANO)


def scales_between(
    baseline: Sequence[Activation], subject: Sequence[Activation]
) -> dict[str, Fraction]:
    """By last layer of a block, what :func:`scale_between` says of it, where both arms tell."""
    ends = block_ends(layer.name for layer in (*baseline, *subject))
    before = {layer.name: layer for layer in baseline if layer.name in ends}
    found = {
        after.name: scale_between(before[after.name], after)
        for after in subject
        if after.name in before
    }
    return {name: scale for name, scale in found.items() if scale is not None}


def check_passes(
    again: Int64s, overhead: Overhead, activations: Mapping[Arm, Sequence[Activation]]
) -> None:
    """Check what the guard windows were scored at again, (columns, rows), and the times of passes.

    Raises :class:`VerificationFault` E405, and E404 where no block was to be scaled, or each by
    one, and the numbers say otherwise.
    """
    if bool(np.any((again != NON_FINITE) & (again < 0))):
        raise VerificationFault("E405", "`guards.i64`: a log-loss is below zero", _HINT)
    scales = scales_between(activations["baseline"], activations["subject"])
    bare, scaled = again
    if not any(scales.values()) and np.any(scaled != (bare if scales else NON_FINITE)):
        message = "`guards.i64`: blocks that nothing was to scale have other log-losses"
        raise VerificationFault("E404", message, _HINT)
    for times in (overhead.guarded, overhead.bare):
        if len(times) > _MAX_PASSES or any(not 0 < time <= _MAX_TIME for time in times):
            raise VerificationFault("E405", "`overhead.json`: no times of passes", _HINT)


def check_activations(
    header: Header, windows: Sequence[Window], activations: Mapping[Arm, Sequence[Activation]]
) -> None:
    """Hold the records of both arms against themselves, the contract and each other.

    Raises :class:`VerificationFault` E405 for one that is malformed, E404 for an edge risk that no
    outputs of that shape have: standardised, one feature alone gives σ₁ ≥ √m, and all of n give
    σ₁ ≤ √(m·n).
    """
    tokens = guard_rows(header, windows)
    for arm, layers in activations.items():
        name = f"{arm}.activations.json"
        for before, after in pairwise(layers):
            if before.name >= after.name:
                raise _malformed(name, after, "is out of order or stands twice")
        for layer in layers:
            if not (0 < len(layer.name) <= _MAX_NAME and layer.name.isprintable()):
                raise VerificationFault("E405", f"`{name}`: a name is no printable text", _HINT)
            _check(name, layer, tokens)


def _check(name: str, layer: Activation, tokens: int) -> None:
    if layer.family != family_of(layer.name):
        raise _malformed(name, layer, "is of another family than its name says")
    if layer.tokens != tokens:
        raise _malformed(name, layer, f"{layer.tokens} tokens instead of {tokens}")
    if (layer.risk is not None) != (layer.spectrum == "measured"):
        raise _malformed(name, layer, "spectrum and risk disagree")
    if layer.log_spread is not None:
        if layer.spectrum != "measured":
            raise _malformed(name, layer, "spectrum and log_spread disagree")
        if abs(layer.log_spread) > _MAX_SPREAD:
            raise _malformed(name, layer, "a spread that no float32 numbers have")
    if layer.risk is None:
        return
    m, n = layer.tokens, layer.features
    edge = (sqrt(m) + sqrt(n)) * layer.risk / NANO
    if not sqrt(m) * (1 - _SLACK) <= edge <= sqrt(m * n) * (1 + _SLACK):
        raise VerificationFault(
            "E404", f"`{name}`: `{layer.name[:120]}`: an edge risk of no such matrix", _HINT
        )


def _malformed(name: str, layer: Activation, what: str) -> VerificationFault:
    shown = "".join(char if char.isprintable() else "?" for char in layer.name[:120])
    return VerificationFault("E405", f"`{name}`: `{shown}`: {what}", _HINT)
