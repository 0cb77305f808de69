"""Every measure that the language knows, declared once. Source: DESIGN section 3."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from invarlock.policy.kinds import Kind, Measure, Range, Unit
from invarlock.policy.weight_measures import WEIGHT_MEASURES

_NON_NEGATIVE: Final = Range(low=Decimal(0))
_POSITIVE: Final = Range(low=Decimal(0), low_closed=False)
# A verifier repeats every resample, so a bar may not ask for a day of them. Of a hundred, two or
# three make up a tail of 2.5%, which BCa moves further out: below that the end of a 95% interval
# is the least or largest mean drawn, and no estimate of anything.
_RESAMPLES: Final = Range(low=Decimal(100), high=Decimal(100_000))
# More than anyone evaluates, and far inside the whole numbers that JSON carries exactly (2**53 - 1,
# RFC 8785): a floor becomes the schedule. The tokens are those of as many windows of 2**20.
_WINDOWS: Final = Range(low=Decimal(0), high=Decimal(1_000_000))
_TOKENS: Final = Range(low=Decimal(0), high=Decimal(1_000_000_000_000))
_FRACTION: Final = Range(low=Decimal(0), high=Decimal(1))
_SIGNERS: Final = Range(low=Decimal(1), high=Decimal(64))

_OFF_IS_STRONGER: Final = (("on", "off"),)
_YES_IS_STRONGER: Final = (("no", "yes"),)

FAMILIES: Final = ("attn", "embed", "ffn", "other")
"""Families of weight matrices: attention, embedding and head, feed-forward, the rest."""

TOKEN_TASKS: Final = ("causal_lm", "masked_lm", "seq2seq_lm")
"""Tasks that score tokens."""
CHOICE_TASKS: Final = ("multiple_choice", "classification")
"""Tasks that choose among choices or labels."""

# A percentile says something where one window at least lies beyond it; what is made of all windows
# alike, and moves with each, where there are some.
_SOME: Final = 8
_TAILS: Final = tuple(
    Measure(
        f"perplexity.tail.p{p}",
        Kind.NUMBER,
        f"{p}th percentile over final windows of the mean log-loss change, unweighted",
        "final windows",
        Unit.NATS,
        harmful="above",
        slices=True,
        at_least=f"perplexity.tail.p{below}" if below else "",
        tasks=TOKEN_TASKS,
        minimum=minimum,
    )
    for below, p, minimum in ((0, 50, _SOME), (50, 90, 10), (90, 95, 20), (95, 99, 100))
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
        tasks=TOKEN_TASKS,
        minimum=_SOME,
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
        tasks=TOKEN_TASKS,
        minimum=_SOME,
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
        tasks=TOKEN_TASKS,
        minimum=_SOME,
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
        tasks=TOKEN_TASKS,
        minimum=_SOME,
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
        within="delta_p.rms",
        tasks=TOKEN_TASKS,
        minimum=_SOME,
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
        tasks=TOKEN_TASKS,
        minimum=_SOME,
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
        tasks=TOKEN_TASKS,
        minimum=_SOME,
    ),
    Measure(
        "accuracy.delta",
        Kind.NUMBER,
        "subject's accuracy less baseline's, over the same items",
        "final windows",
        Unit.PP,
        Range(Decimal(-100), Decimal(100)),
        "below",
        interval=True,
        slices=True,
        tasks=CHOICE_TASKS,
        minimum=_SOME,
    ),
    Measure(
        "accuracy.recovery",
        Kind.NUMBER,
        "subject's accuracy over baseline's, over the same items",
        "final windows",
        Unit.RATIO,
        _NON_NEGATIVE,
        "below",
        interval=True,
        slices=True,
        tasks=CHOICE_TASKS,
        minimum=_SOME,
    ),
    Measure(
        "accuracy.mcnemar",
        Kind.NUMBER,
        "exact two-sided p of McNemar's test; a large one proves nothing",
        "final windows",
        Unit.RATIO,
        _FRACTION,
        "below",
        slices=True,
        tasks=CHOICE_TASKS,
        minimum=_SOME,
    ),
    Measure(
        "flips.rate",
        Kind.NUMBER,
        "share of items that one arm alone answers rightly",
        "final windows",
        Unit.RATIO,
        _FRACTION,
        "above",
        interval=True,
        slices=True,
        tasks=CHOICE_TASKS,
        minimum=_SOME,
    ),
    Measure(
        "flips.lost",
        Kind.NUMBER,
        "share of items that the baseline alone answers rightly",
        "final windows",
        Unit.RATIO,
        _FRACTION,
        "above",
        interval=True,
        slices=True,
        tasks=CHOICE_TASKS,
        minimum=_SOME,
    ),
    Measure(
        "flips.gained",
        Kind.NUMBER,
        "share of items that the subject alone answers rightly",
        "final windows",
        Unit.RATIO,
        _FRACTION,
        interval=True,
        slices=True,
        tasks=CHOICE_TASKS,
        minimum=_SOME,
    ),
    *WEIGHT_MEASURES,
    Measure(
        "rmt.growth",
        Kind.NUMBER,
        "largest growth of a layer's edge risk, subject over baseline less one",
        "activations",
        Unit.RATIO,
        Range(low=Decimal(-1), low_closed=False),
        "above",
        families=True,
        tasks=("causal_lm",),
    ),
    Measure(
        "variance.shift",
        Kind.NUMBER,
        "largest |ln| of a block's spread over the baseline's, of what it adds to the stream",
        "activations",
        Unit.NATS,
        _NON_NEGATIVE,
        "above",
        families=True,
        tasks=("causal_lm",),
    ),
    Measure(
        "variance.gain",
        Kind.NUMBER,
        "mean log-loss that blocks at the baseline's spread would save",
        "activations",
        Unit.NATS,
        Range(),
        "above",
        tasks=("causal_lm",),
    ),
    Measure(
        "overhead.metric",
        Kind.NUMBER,
        "subject's perplexity with guards watching over that without",
        "activations",
        Unit.RATIO,
        _POSITIVE,
        "both",
        tasks=("causal_lm",),
    ),
    Measure(
        "overhead.time",
        Kind.NUMBER,
        "median wall time of a pass with guards watching over that without, as the producer says",
        "activations",
        Unit.RATIO,
        _POSITIVE,
        "above",
        tasks=("causal_lm",),
    ),
    Measure(
        "windows.preview",
        Kind.NUMBER,
        "preview windows evaluated",
        "windows",
        Unit.WINDOWS,
        _WINDOWS,
    ),
    Measure(
        "windows.final",
        Kind.NUMBER,
        "final windows evaluated",
        "windows",
        Unit.WINDOWS,
        _WINDOWS,
        slices=True,
    ),
    Measure(
        "windows.tokens",
        Kind.NUMBER,
        "tokens scored in final windows",
        "windows",
        Unit.TOKENS,
        _TOKENS,
        slices=True,
        tasks=TOKEN_TASKS,
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
        "share of windows that repeat another: its id, its place, or 32 scored tokens in a row",
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
        order=_YES_IS_STRONGER,
    ),
    Measure("data.digest", Kind.DIGEST, "sha256 of the data file", "data"),
    Measure("baseline.digest", Kind.DIGEST, "root digest of the baseline folder", "baseline"),
    Measure(
        "evidence.origin",
        Kind.WORD,
        "where the numbers come from: measured in a boundary, or imported from logs",
        "evidence",
        words=("imported", "measured"),
        order=(("imported", "measured"),),
    ),
    Measure(
        "runtime.isolation",
        Kind.WORD,
        "what the boundary was observed to be, in both arms",
        "runtime manifest",
        words=("host", "sandbox"),
        order=(("host", "sandbox"),),
    ),
    Measure(
        "runtime.network",
        Kind.WORD,
        "whether model code could reach a network",
        "runtime manifest",
        words=("off", "on"),
        order=_OFF_IS_STRONGER,
    ),
    Measure(
        "runtime.remote_code",
        Kind.WORD,
        "whether code shipped with a model could run",
        "runtime manifest",
        words=("off", "on"),
        order=_OFF_IS_STRONGER,
    ),
    Measure(
        "runtime.pickle",
        Kind.WORD,
        "whether pickled weights could load",
        "runtime manifest",
        words=("off", "on"),
        order=_OFF_IS_STRONGER,
    ),
    Measure(
        "runtime.plugins",
        Kind.WORD,
        "whether third-party plugins could load",
        "runtime manifest",
        words=("off", "on"),
        order=_OFF_IS_STRONGER,
    ),
    Measure(
        "signature.by",
        Kind.SIGNER,
        "who signed the attestation; decided by `verify` alone",
        "signature",
    ),
    Measure(
        "signature.count",
        Kind.NUMBER,
        "how many signers signed, of those that `signature.by` allows; decided by `verify` alone",
        "signature",
        Unit.COUNT,
        _SIGNERS,
    ),
    Measure(
        "signature.log",
        Kind.WORD,
        "whether the signature stands in a transparency log; decided by `verify` alone",
        "signature",
        words=("no", "yes"),
        order=_YES_IS_STRONGER,
    ),
    *(
        Measure(
            f"{model}.{voucher}.by",
            Kind.SIGNER,
            f"who signed the {model}'s {what}; decided by `verify` alone",
            "signature",
        )
        for model in ("subject", "baseline")
        for voucher, what in (
            ("signature", "files (OpenSSF Model Signing)"),
            ("provenance", "provenance (SLSA)"),
        )
    ),
)

MEASURES: Final[dict[str, Measure]] = {m.name: m for m in _MEASURES}
