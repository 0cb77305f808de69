"""What layers put out, subject against baseline, over the same windows.

``rmt.growth``: by how much the edge risk of a layer's outputs grew, subject's over baseline's less
one; the largest over layers, since an edit may harm a single one. What the edge risk is, and of
which matrix, is told where it is measured (:mod:`invarlock.measure.activations.edge`).

``variance.shift``: largest |ln| of a block's spread, subject's over baseline's: of what attention
or feed-forward adds to the residual stream, after the norm if one stands between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from invarlock.evidence.activations import scale_between
from invarlock.evidence.blocks import block_ends
from invarlock.evidence.model import Evidence
from invarlock.evidence.schema import Activation, Arm
from invarlock.judge.guards.pairs import Found, largest
from invarlock.judge.values import Key, Value


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer as it was seen in each arm, ``None`` where an arm has none of that name."""

    name: str
    before: Activation | None
    after: Activation | None

    @property
    def family(self) -> str:
        """The family of the layer."""
        one = self.before or self.after
        return "other" if one is None else one.family

    def growth(self) -> Found:
        """Growth of the edge risk: 0 where neither arm's outputs vary, none where one's do not."""
        before, after = self.before, self.after
        if any(one is not None and one.spectrum == "non_finite" for one in (before, after)):
            return self._none("non_finite", "puts out nan or infinity")
        if before is None or after is None or before.features != after.features:
            return self._none("missing", "is no layer of one width in both arms")
        if before.risk is None and after.risk is None:
            return Found(self.name, self.family, "ok")
        if before.risk is None or after.risk is None:
            return self._none("missing", "puts out a constant in one arm")
        return Found(self.name, self.family, "ok", Fraction(after.risk, before.risk) - 1)

    def shift(self) -> Found:
        """|ln| of the outputs' spread, subject's over baseline's, in nats."""
        grown = self.growth()
        before, after = self.before, self.after
        if grown.status != "ok" or before is None or after is None:
            return grown
        if before.log_spread == after.log_spread:
            return Found(self.name, self.family, "ok")
        scale = scale_between(before, after)
        if scale is None:
            return self._none("missing", "has a spread in one arm alone")
        return Found(self.name, self.family, "ok", abs(scale))

    def _none(self, status: Literal["missing", "non_finite"], reason: str) -> Found:
        return Found(self.name, self.family, status, reason=f"`{self.name}` {reason}")


def layers(evidence: Evidence) -> tuple[Layer, ...]:
    """Every layer of either arm, by name."""
    before, after = layers_by_name(evidence, "baseline"), layers_by_name(evidence, "subject")
    return tuple(
        Layer(name, before.get(name), after.get(name)) for name in sorted({*before, *after})
    )


def layers_by_name(evidence: Evidence, arm: Arm) -> dict[str, Activation]:
    """The layers of one arm by name."""
    return {layer.name: layer for layer in evidence.activations[arm]}


def growths(evidence: Evidence) -> Sequence[Found]:
    """The growth of every layer."""
    return [layer.growth() for layer in layers(evidence)]


def shifts(evidence: Evidence) -> Sequence[Found]:
    """How far the spread of what each block adds moved, by the block's family: where a norm ends
    it, the norm's name tells nothing of that."""
    seen = layers(evidence)
    ends = block_ends(layer.name for layer in seen)
    return [replace(layer.shift(), family=ends[layer.name]) for layer in seen if layer.name in ends]


def layer_values(evidence: Evidence) -> dict[Key, Value]:
    """Every value that is made from records of layers alone, over all and of each family."""
    return {
        **largest("rmt.growth", growths(evidence)),
        **largest("variance.shift", shifts(evidence)),
    }
