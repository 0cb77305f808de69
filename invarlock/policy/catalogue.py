"""The catalogue: every measure and setting that the language knows, declared once.

The compiler checks against it, the judge computes from it, the documentation is generated from
it. It lists only what is really measured; any other word is an error. Source: DESIGN section 3.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from invarlock.policy.kinds import Kind, Measure, Range, Setting, Unit
from invarlock.policy.measures import FAMILIES, MEASURES

__all__ = [
    "DEFAULT_RESAMPLES",
    "FAMILIES",
    "MEASURES",
    "MINIMUM_DOCUMENTS",
    "SETTINGS",
    "TASKS",
    "Kind",
    "Measure",
    "Range",
    "Setting",
    "Unit",
]

TASKS: Final = ("causal_lm", "masked_lm", "seq2seq_lm", "multiple_choice", "classification")
MINIMUM_DOCUMENTS: Final = 16
"""Fewer documents than this, where a bar does not say, and an interval estimate is inconclusive.
Eight keep the bound where the data are normal; skewed ones take more, and a bar should say so
(`benchmarks/COVERAGE.md`)."""

# Closed above: a tail below what resamples resolve says nothing, and one that rounds to nothing
# has no quantile.
_CONFIDENCE: Final = Range(Decimal("0.5"), Decimal("0.9999"))

# Below the level's least no float holds the tail of a million matrices; a scale of more than a nat
# is no scale of harmless edits, and caps under it would never come.
_LEVEL: Final = Range(Decimal("0.000001"), Decimal("0.5"))
_SCALE: Final = Range(Decimal("0.000001"), Decimal(1))

_SETTINGS: Final = (
    Setting(
        "windows.schedule", "whose tokenizer cuts the windows", "baseline", words=("baseline",)
    ),
    Setting(
        "windows.length",
        "tokens in a window, or the most that it may have where windows differ",
        "512",
        Unit.TOKENS,
        Range(Decimal(8), Decimal(1_048_576)),
        whole=True,
    ),
    Setting(
        "windows.beacon",
        "whether the schedule's seed takes in a beacon, made public after the subject was fixed",
        "none",
        words=("none", "required"),
    ),
    Setting(
        "windows.content",
        "what documents hold: running text, or the messages of a chat",
        "text",
        words=("text", "chat"),
        tasks=("causal_lm",),
    ),
    Setting(
        "model.dtype",
        "in which both models' bodies compute; head, softmax and sums are float32 and float64",
        "float32",
        words=("float32", "bfloat16", "float16"),
    ),
    Setting("estimate.interval", "how intervals are made", "bca", words=("bca",)),
    Setting(
        "estimate.confidence",
        "two-sided confidence of every interval",
        "0.95",
        Unit.RATIO,
        _CONFIDENCE,
    ),
    Setting(
        "estimate.seed",
        "seed of the bootstrap",
        "7",
        Unit.COUNT,
        Range(Decimal(0), Decimal(2**31 - 1)),
        whole=True,
    ),
    Setting(
        "estimate.minimum",
        "fewest documents of an interval; with fewer, a gate or slice is inconclusive",
        str(MINIMUM_DOCUMENTS),
        Unit.COUNT,
        Range(Decimal(8), Decimal(1_000_000)),
        whole=True,
    ),
    Setting(
        "estimate.looks",
        "how often a run is judged, after equal shares of its final windows; it stops when decided",
        "1",
        Unit.COUNT,
        Range(Decimal(1), Decimal(10)),
        whole=True,
    ),
    Setting(
        "estimate.spending",
        "how the looks share the errors that the confidence allows",
        "none",
        words=("none", "obrien_fleming", "pocock"),
    ),
    Setting("estimate.resample", "the unit that is resampled", "document", words=("document",)),
    Setting(
        "estimate.normalise",
        "what a choice's log-likelihood is divided by before the largest is taken",
        "none",
        words=("none", "bytes"),
        tasks=("multiple_choice",),
    ),
    Setting(
        "spectral.correction",
        "how `spectral.caps` allows for looking at many matrices at once",
        "bh",
        words=("bh", "bonferroni"),
        measure="spectral.caps",
    ),
    Setting(
        "spectral.level",
        "rate of false caps, over all matrices",
        "0.05",
        Unit.RATIO,
        _LEVEL,
        measure="spectral.caps",
    ),
    *(
        Setting(
            f"spectral.scale.{family}",
            f"standard deviation of harmless shifts of ln σ₁, family `{family}`",
            "0.005",
            Unit.NATS,
            _SCALE,
            measure="spectral.caps",
        )
        for family in FAMILIES
    ),
)

SETTINGS: Final[dict[str, Setting]] = {s.name: s for s in _SETTINGS}

DEFAULT_RESAMPLES: Final = 1_200
"""Bootstrap resamples when a bar does not ask for more (`estimate.resamples`)."""
