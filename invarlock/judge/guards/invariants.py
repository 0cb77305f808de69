"""Invariants: what a weight edit leaves as it is."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Final

from invarlock.canonical import nano_decimal
from invarlock.evidence.model import Evidence
from invarlock.evidence.schema import Tensor, TokenizerFacts
from invarlock.judge.guards.pairs import by_name, named
from invarlock.judge.values import Key, Value

_TOKENS: Final = re.compile(
    r"(^|\.)(embed_tokens|tok_embeddings|embed_in|wte|word_embeddings|shared)\.weight$"
)
"""Names of the table that token ids are looked up in, over the habits of many architectures."""
_MATRIX: Final = 2


def invariant_values(evidence: Evidence) -> dict[Key, Value]:
    """``invariants.*`` of the tensors; none for an arm without tensors."""
    baseline, subject = by_name(evidence, "baseline"), by_name(evidence, "subject")
    if not baseline or not subject:
        return {}
    both = baseline.keys() & subject.keys()
    reshaped = {name for name in both if baseline[name].shape != subject[name].shape}
    retyped = sorted(name for name in both if baseline[name].dtype != subject[name].dtype)
    strange = sorted((baseline.keys() ^ subject.keys()) | reshaped)
    return {
        Key("invariants.non_finite"): _non_finite(baseline, subject),
        Key("invariants.structure"): Value("ok", Decimal(len(strange)), reason=named(strange)),
        Key("invariants.dtype"): Value("ok", Decimal(len(retyped)), reason=named(retyped)),
        Key("invariants.tied"): _tied(baseline, subject),
        Key("invariants.vocabulary"): _vocabulary(evidence.header.subject.tokenizer, subject),
        **_vectors(baseline, subject),
    }


def _vocabulary(tokenizer: TokenizerFacts | None, subject: dict[str, Tensor]) -> Value:
    """Ids that the subject's tokenizer can give and its smallest table of tokens has no row for."""
    tables = [
        (tensor.shape[0], name)
        for name, tensor in sorted(subject.items())
        if _TOKENS.search(name) and len(tensor.shape) == _MATRIX
    ]
    if tokenizer is None or not tables:
        return Value("missing", reason="no table of tokens, or no tokenizer, is known")
    rows, name = min(tables)
    beyond = max(0, tokenizer.ids - rows)
    return Value("ok", Decimal(beyond), reason=f"`{name}` has {rows} rows" if beyond else "")


def _tied(baseline: dict[str, Tensor], subject: dict[str, Tensor]) -> Value:
    """Embeddings and heads that stand apart in one arm alone: stored beside another of their shape
    with other numbers. One that is not stored at all is its arm's embedding."""
    found = sorted(
        name
        for name in baseline.keys() | subject.keys()
        if _apart(name, baseline) != _apart(name, subject)
    )
    return Value("ok", Decimal(len(found)), reason=named(found))


def _apart(name: str, arm: dict[str, Tensor]) -> bool:
    tensor = arm.get(name)
    if tensor is None or tensor.family != "embed" or tensor.twin is not None:
        return False
    others = (other for key, other in arm.items() if key != name)
    return any(other.family == "embed" and other.shape == tensor.shape for other in others)


def _non_finite(baseline: dict[str, Tensor], subject: dict[str, Tensor]) -> Value:
    broken = sorted(name for name, tensor in subject.items() if tensor.non_finite)
    reason = named(broken)
    before = sum(tensor.non_finite for tensor in baseline.values())
    if before:
        reason = "; ".join(filter(None, (reason, f"the baseline itself holds {before}")))
    return Value("ok", Decimal(sum(subject[name].non_finite for name in broken)), reason=reason)


def _vectors(baseline: dict[str, Tensor], subject: dict[str, Tensor]) -> dict[Key, Value]:
    """``invariants.vectors``; none for models without vectors."""
    key = Key("invariants.vectors")
    names = sorted(
        name
        for name in baseline.keys() | subject.keys()
        if any(name in arm and len(arm[name].shape) < 2 for arm in (baseline, subject))
    )
    worst: tuple[Fraction, str] | None = None
    for name in names:
        arms = [arm[name] for arm in (baseline, subject) if name in arm]
        if any(tensor.non_finite for tensor in arms):
            return {key: Value("non_finite", reason=f"`{name}` holds nan or infinity")}
        change = subject[name].change if name in subject else None
        if change is None:
            return {key: Value("missing", reason=f"`{name}` is no vector of one size in both arms")}
        if worst is None or change > worst[0]:
            worst = Fraction(change), name
    if worst is None:
        return {}
    return {key: Value("ok", nano_decimal(int(worst[0])), reason=f"largest in `{worst[1]}`")}
