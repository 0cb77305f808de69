"""What the records of layers owe each other: ones that no two models can give are refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import sqrt
from typing import Final

from invarlock.canonical import NANO
from invarlock.errors import VerificationFault
from invarlock.evidence.schema import Activation, Arm, Contract, Header, Schedule, Window

_MAX_NAME: Final = 512
_HINT: Final = "do not deploy; ask the producer"
_SLACK: Final = 1e-4
"""Features are standardised in float32."""
_MAX_SPREAD: Final = 200 * NANO
"""No standard deviation of float32 numbers has a larger logarithm, nor its inverse."""


def guard_windows(contract: Contract, schedule: Schedule) -> int:
    """How many windows, the first of the schedule, the guards on activations look at."""
    return min(contract.edge.windows, schedule.final)


def check_activations(
    header: Header, windows: Sequence[Window], activations: Mapping[Arm, Sequence[Activation]]
) -> None:
    """Hold the records of both arms against themselves, the contract and each other.

    Raises :class:`VerificationFault` E405 for one that is malformed, E404 for an edge risk that no
    outputs of that shape have: standardised, one feature alone gives σ₁ ≥ √m, and all of n give
    σ₁ ≤ √(m·n).
    """
    watched = windows[: guard_windows(header.contract, header.schedule)]
    tokens = sum(window.rows for window in watched)
    for arm, layers in activations.items():
        name = f"{arm}.activations.json"
        for before, after in pairwise(layers):
            if before.name >= after.name:
                raise _malformed(name, after, "is out of order or stands twice")
        for layer in layers:
            if not (0 < len(layer.name) <= _MAX_NAME and layer.name.isprintable()):
                raise VerificationFault("E405", f"`{name}`: a name is no printable text", _HINT)
            _check(name, layer, tokens)
    families = {layer.name: layer.family for layer in activations["baseline"]}
    for layer in activations["subject"]:
        if families.get(layer.name, layer.family) != layer.family:
            raise _malformed("subject.activations.json", layer, "is of another family in each arm")


def _check(name: str, layer: Activation, tokens: int) -> None:
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
