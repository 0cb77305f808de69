"""The catalogue: every measure and setting that the language knows, declared once.

The compiler checks against it, the judge computes from it, the documentation is generated from
it. It lists only what is really measured; any other word is an error. Source: DESIGN section 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final


class Unit(StrEnum):
    """The unit a value is kept in. ``105%`` and ``1.05`` are one ratio; ``5 pp`` is not."""

    RATIO = "ratio"
    PP = "pp"
    NATS = "nats"
    COUNT = "count"
    TOKENS = "tokens"
    WINDOWS = "windows"


class Kind(StrEnum):
    """What a gate on the measure can say."""

    NUMBER = "number"
    """Decided by an interval of numbers."""
    WORD = "word"
    """Decided by membership in a finite set of words."""
    DIGEST = "digest"
    """Decided by membership in a finite set of ``sha256:`` digests."""


@dataclass(frozen=True, slots=True)
class Range:
    """A natural range of exact decimals; ``None`` is unbounded."""

    low: Decimal | None = None
    high: Decimal | None = None
    low_closed: bool = True
    high_closed: bool = True


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure.

    ``interval`` says that an interval estimate exists: the interval decides, and ``.point`` is
    allowed. ``slices`` and ``families`` say which ``on`` targets make sense. ``harmful`` is the
    side on which the subject is worse: ``"above"``, ``"below"``, ``"both"`` or ``"none"``.
    ``evidence`` names the part of the evidence that the value is recomputed from.
    """

    name: str
    kind: Kind
    summary: str
    evidence: str
    unit: Unit | None = None
    range: Range = Range()
    harmful: str = "none"
    interval: bool = False
    slices: bool = False
    families: bool = False
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting that engine or judge reads. ``words`` or ``unit`` and ``range`` type it."""

    name: str
    summary: str
    default: str
    unit: Unit | None = None
    range: Range = Range()
    whole: bool = False
    words: tuple[str, ...] = ()


_NON_NEGATIVE: Final = Range(low=Decimal(0))
_POSITIVE: Final = Range(low=Decimal(0), low_closed=False)
# A verifier repeats every resample, so a bar may not ask for a day of them.
_RESAMPLES: Final = Range(low=Decimal(0), high=Decimal(1_000_000))
_FRACTION: Final = Range(low=Decimal(0), high=Decimal(1))

FAMILIES: Final = ("attn", "embed", "ffn", "other")
"""Families of weight matrices: attention, embedding and head, feed-forward, the rest."""

TASKS: Final = ("causal_lm",)
MINIMUM_DOCUMENTS: Final = 8
"""Fewer documents than this and an interval estimate is inconclusive: a bootstrap over so few
units says nothing about its own tail."""

_TAILS: Final = tuple(
    Measure(
        f"perplexity.tail.p{p}",
        Kind.NUMBER,
        f"{p}th percentile over final windows of the mean log-loss change, unweighted",
        "final windows",
        Unit.NATS,
        harmful="above",
        slices=True,
    )
    for p in (50, 90, 95, 99)
)

_MEASURES: Final = (
    Measure(
        "perplexity.ratio",
        Kind.NUMBER,
        "subject's perplexity over baseline's, paired and token-weighted",
        "final windows",
        Unit.RATIO,
        _POSITIVE,
        "above",
        interval=True,
        slices=True,
    ),
    Measure(
        "perplexity.drift",
        Kind.NUMBER,
        "subject's final over preview perplexity, over the baseline's",
        "preview and final windows",
        Unit.RATIO,
        _POSITIVE,
        "both",
        slices=True,
    ),
    *_TAILS,
    Measure(
        "kl.mean",
        Kind.NUMBER,
        "mean over tokens of KL(baseline‖subject)",
        "final windows",
        Unit.NATS,
        _NON_NEGATIVE,
        "above",
        interval=True,
        slices=True,
    ),
    Measure(
        "kl.p99",
        Kind.NUMBER,
        "99th percentile over tokens of KL(baseline‖subject)",
        "final windows",
        Unit.NATS,
        _NON_NEGATIVE,
        "above",
        slices=True,
    ),
    Measure(
        "delta_p.mean",
        Kind.NUMBER,
        "mean change of the true token's probability",
        "final windows",
        Unit.PP,
        Range(Decimal(-100), Decimal(100)),
        "below",
        interval=True,
        slices=True,
    ),
    Measure(
        "delta_p.rms",
        Kind.NUMBER,
        "root mean square change of the true token's probability",
        "final windows",
        Unit.PP,
        Range(Decimal(0), Decimal(100)),
        "above",
        slices=True,
    ),
    Measure(
        "top1.agreement",
        Kind.NUMBER,
        "share of tokens on which both arms rank the same token first",
        "final windows",
        Unit.RATIO,
        _FRACTION,
        "below",
        interval=True,
        slices=True,
    ),
    Measure(
        "invariants.non_finite",
        Kind.NUMBER,
        "NaN or infinite numbers in the subject's tensors",
        "tensors",
        Unit.COUNT,
        _NON_NEGATIVE,
        "above",
    ),
    Measure(
        "invariants.structure",
        Kind.NUMBER,
        "tensors missing, added or reshaped against the baseline",
        "tensors",
        Unit.COUNT,
        _NON_NEGATIVE,
        "above",
    ),
    Measure(
        "spectral.shift",
        Kind.NUMBER,
        "largest |ln σ₁(subject) − ln σ₁(baseline)| over weight matrices",
        "tensors",
        Unit.NATS,
        _NON_NEGATIVE,
        "above",
        families=True,
    ),
    Measure(
        "windows.preview",
        Kind.NUMBER,
        "preview windows evaluated",
        "windows",
        Unit.WINDOWS,
        _NON_NEGATIVE,
    ),
    Measure(
        "windows.final",
        Kind.NUMBER,
        "final windows evaluated",
        "windows",
        Unit.WINDOWS,
        _NON_NEGATIVE,
        slices=True,
    ),
    Measure(
        "windows.tokens",
        Kind.NUMBER,
        "tokens scored in final windows",
        "windows",
        Unit.TOKENS,
        _NON_NEGATIVE,
        slices=True,
    ),
    Measure(
        "windows.match",
        Kind.NUMBER,
        "share of windows that both arms cut from the data alike, by content",
        "windows of both arms",
        Unit.RATIO,
        _FRACTION,
        "below",
    ),
    Measure(
        "windows.overlap",
        Kind.NUMBER,
        "share of windows whose content stands in the schedule already",
        "windows",
        Unit.RATIO,
        _FRACTION,
        "above",
    ),
    Measure(
        "estimate.resamples",
        Kind.NUMBER,
        "bootstrap resamples behind every interval",
        "contract",
        Unit.COUNT,
        _RESAMPLES,
    ),
    Measure(
        "tokenizer.same",
        Kind.WORD,
        "whether vocabulary, merges, specials, template and window ids agree",
        "tokenizers of both arms",
        words=("yes", "no"),
    ),
    Measure("data.digest", Kind.DIGEST, "sha256 of the data file", "data"),
    Measure("baseline.digest", Kind.DIGEST, "root digest of the baseline folder", "baseline"),
    Measure(
        "evidence.origin",
        Kind.WORD,
        "where the numbers come from",
        "evidence",
        words=("measured",),
    ),
    Measure(
        "runtime.isolation",
        Kind.WORD,
        "what the boundary was observed to be, in both arms",
        "runtime manifest",
        words=("host", "sandbox"),
    ),
    Measure(
        "runtime.network",
        Kind.WORD,
        "whether model code could reach a network",
        "runtime manifest",
        words=("off", "on"),
    ),
    Measure(
        "runtime.remote_code",
        Kind.WORD,
        "whether code shipped with a model could run",
        "runtime manifest",
        words=("off", "on"),
    ),
    Measure(
        "runtime.pickle",
        Kind.WORD,
        "whether pickled weights could load",
        "runtime manifest",
        words=("off", "on"),
    ),
    Measure(
        "runtime.plugins",
        Kind.WORD,
        "whether third-party plugins could load",
        "runtime manifest",
        words=("off", "on"),
    ),
)

MEASURES: Final[dict[str, Measure]] = {m.name: m for m in _MEASURES}

_SETTINGS: Final = (
    Setting(
        "windows.schedule", "whose tokenizer cuts the windows", "baseline", words=("baseline",)
    ),
    Setting(
        "windows.length",
        "tokens in a window; the first is context, the others are scored",
        "512",
        Unit.TOKENS,
        Range(Decimal(8), Decimal(1_048_576)),
        whole=True,
    ),
    Setting("estimate.interval", "how intervals are made", "bca", words=("bca",)),
    Setting(
        "estimate.confidence",
        "two-sided confidence of every interval",
        "0.95",
        Unit.RATIO,
        Range(Decimal("0.5"), Decimal(1), high_closed=False),
    ),
    Setting(
        "estimate.seed",
        "seed of the bootstrap",
        "7",
        Unit.COUNT,
        Range(Decimal(0), Decimal(2**31 - 1)),
        whole=True,
    ),
    Setting("estimate.resample", "the unit that is resampled", "document", words=("document",)),
)

SETTINGS: Final[dict[str, Setting]] = {s.name: s for s in _SETTINGS}

DEFAULT_RESAMPLES: Final = 1_200
"""Bootstrap resamples when a bar does not ask for more (`estimate.resamples`)."""
