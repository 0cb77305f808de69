"""Values that are counted or read off, not estimated: windows, tokenizers, digests, runtime."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from invarlock.evidence.model import Evidence, Layout
from invarlock.evidence.positions import is_choice, repeatable
from invarlock.evidence.repeats import repeating
from invarlock.evidence.schema import Contract, Header, Task, Window
from invarlock.judge import exact
from invarlock.judge.values import Key, Value

_UNKNOWN = Value("missing", reason="not known of imported evidence")


def fact_values(evidence: Evidence, contract: Contract) -> dict[Key, Value]:
    """Every value that is neither made from per-token nor from per-tensor numbers."""
    windows, header, runtime = evidence.windows, evidence.header, evidence.runtime
    paired = sum(window.id == window.subject_id for window in windows)
    words = {
        "tokenizer.same": _same_tokenizer(header, paired == len(windows)),
        "data.digest": header.data.digest,
        "baseline.digest": header.baseline.root,
        "evidence.origin": header.origin,
        "runtime.isolation": runtime.isolation,
        "runtime.network": runtime.network,
        "runtime.remote_code": runtime.remote_code,
        "runtime.pickle": runtime.pickle,
        "runtime.plugins": runtime.plugins,
    }
    previews = sum(window.phase == "preview" for window in windows)
    out = {Key(measure): _known(word) for measure, word in words.items()}
    planned = None if evidence.last_look else Decimal(header.schedule.preview)
    out[Key("windows.preview")] = Value("ok", Decimal(previews), planned=planned)
    out[Key("estimate.resamples")] = Value("ok", Decimal(contract.estimate.resamples))
    if windows:
        out[Key("windows.match")] = _share(paired, len(windows))
        out[Key("windows.overlap")] = _overlap(evidence)
    return out


def _known(word: str | None) -> Value:
    return _UNKNOWN if word is None else Value("ok", words=word)


def _same_tokenizer(header: Header, paired: bool) -> str | None:
    """`None` where the tokenizers are not known."""
    one, other = header.baseline.tokenizer, header.subject.tokenizer
    if one is None or other is None:
        return None
    return "yes" if one == other and paired else "no"


def _overlap(evidence: Evidence) -> Value:
    windows, task = evidence.windows, evidence.header.contract.task
    if not is_choice(task) and not all(window.length for window in windows):
        return Value("missing", reason="the log has no token ids to find repeats by")
    return _share(overlapping(windows, evidence.layout, task), len(windows))


def _share(part: int, whole: int) -> Value:
    point, is_exact = exact.nano(Fraction(part, whole))
    return Value("ok", point, reason=f"{part} of {whole}", exact=is_exact)


def overlapping(windows: Sequence[Window], layout: Layout, task: Task = "causal_lm") -> int:
    """How many windows hold content that stands in the schedule already.

    That is so where an earlier window has the same id; where an earlier one holds a run of
    :data:`~invarlock.evidence.repeats.RUN` scored tokens of this one, at whatever offset of
    whatever document; and where a window that starts before it in the same document reaches into
    it. ``layout`` is that of the same windows, cut for ``task``.
    """
    found: set[int] = set()
    ids: set[str] = set()
    ends: dict[str, int] = {}
    for position, window in enumerate(windows):
        if window.id in ids:
            found.add(position)
        ids.add(window.id)
    for position in sorted(range(len(windows)), key=lambda p: (windows[p].start, p)):
        window = windows[position]
        end = ends.get(window.document, 0)
        if window.start < end:
            found.add(position)
        ends[window.document] = max(end, window.start + window.length)
    return len(found | repeating(*repeatable(task, layout)))
