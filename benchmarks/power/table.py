"""The power table as Markdown, from whatever measures the evidence gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Final

from benchmarks.power.measure import Judged
from invarlock.judge import GateResult, Key, Value, Verdict
from invarlock.policy.catalogue import MEASURES, Unit
from invarlock.present import words

# What only says how the evidence was taken is the same for every edit, and told once above.
_FACTS: Final = ("windows", "estimate", "tokenizer", "data", "baseline", "evidence", "runtime",
                 "signature")  # fmt: skip
_TASK: Final = ("perplexity", "kl", "delta_p", "top1", "accuracy", "flips")
_CLASSES: Final = ("harmless", "tolerable", "harmful")


def render(found: Sequence[Judged], head: Sequence[str]) -> str:
    """The whole page; ``head`` is what stands above the tables."""
    parts = [*head, "", *_summary(found), "", *_verdicts(found)]
    parts += ["", *_seen(found), "", *_measures(found)]
    return "\n".join(parts) + "\n"


# --- verdicts ------------------------------------------------------------------------------------


def _summary(found: Sequence[Judged]) -> Iterator[str]:
    """Per class and tier, how many came out how; then the ones against expectation."""
    tiers = _tiers(found)
    yield "## In short"
    yield ""
    yield from _table(["class", *tiers], _counted(found, tiers))
    yield ""
    for one in found:
        if one.refusal:
            yield f"- `{one.edit.name}` ({one.edit.kind}) got no verdict: {one.refusal}"
        elif one.edit.kind == "harmless":
            bad = [tier for tier in tiers if one.verdicts[tier].verdict != "pass"]
            if bad:
                yield f"- harmless, and does not pass {', '.join(bad)}: `{one.edit.name}`"
        elif one.edit.kind == "harmful":
            bad = [tier for tier in tiers if one.verdicts[tier].verdict == "pass"]
            if bad:
                yield f"- harmful, and passes {', '.join(bad)}: `{one.edit.name}`"


def _counted(found: Sequence[Judged], tiers: Sequence[str]) -> Iterator[list[str]]:
    for kind in _CLASSES:
        members = [one for one in found if one.edit.kind == kind and not one.refusal]
        cells = []
        for tier in tiers:
            came = [one.verdicts[tier].verdict for one in members]
            told = [f"{came.count(word)} {word}" for word in dict.fromkeys(sorted(came))]
            cells.append(", ".join(told))
        yield [f"{kind} ({len(members)})", *cells]


def _verdicts(found: Sequence[Judged]) -> Iterator[str]:
    tiers = _tiers(found)
    yield "## Verdicts, and the gates behind them"
    yield ""
    yield "A gate that fails or is not decided is named; `!` marks a warning that was given."
    yield ""
    rows = (
        [f"`{one.edit.name}`", one.edit.what, one.edit.kind]
        + [one.refusal or _outcome(one.verdicts[tier]) for tier in tiers]
        for one in found
    )
    yield from _table(["edit", "what", "expected", *tiers], rows)


def _outcome(verdict: Verdict) -> str:
    against = [gate for gate in verdict.gates if gate.verdict != "pass"]
    cells = [_gate(gate) for gate in against if gate.verdict != "pending"]
    return f"**{verdict.verdict}** {', '.join(cells)}".rstrip()


def _gate(gate: GateResult) -> str:
    mark = "!" if gate.level == "warn" else ""
    short = {"fail": "", "inconclusive": "?", "incomplete": " (incomplete)"}[gate.verdict]
    return f"{mark}`{gate.id}`{short}"


def _seen(found: Sequence[Judged]) -> Iterator[str]:
    """Gate by gate, the harmful edits that it fails, and those that no other gate fails."""
    tiers = _tiers(found)
    yield "## What each gate sees of the harmful edits"
    for tier in tiers:
        fails = {
            one.edit.name: [g.id for g in one.verdicts[tier].gates
                            if g.level == "require" and g.verdict == "fail"]
            for one in found if one.edit.kind == "harmful" and not one.refusal
        }  # fmt: skip
        yield ""
        yield f"Under {tier}:"
        yield ""
        gates = sorted({gate for seen in fails.values() for gate in seen})
        rows = (
            [f"`{gate}`", str(sum(gate in seen for seen in fails.values())),
             ", ".join(f"`{name}`" for name, seen in fails.items() if seen == [gate]) or "–"]
            for gate in gates
        )  # fmt: skip
        yield from _table(["gate", f"fails, of {len(fails)}", "fails alone"], rows)


# --- measures ------------------------------------------------------------------------------------


def _measures(found: Sequence[Judged]) -> Iterator[str]:
    """Every measure of every edit: the task's, the guards', then by slice and by family."""
    shown = [one for one in found if not one.refusal]
    keys = sorted({key for one in shown for key in one.values.items})
    free = [key for key in keys if key.measure.split(".")[0] not in _FACTS]
    whole = [key for key in free if key.kind == "all"]
    task = [key for key in whole if key.measure.split(".")[0] in _TASK]
    groups = (
        ("Measures on windows", [key for key in task if _has_interval(key)]),
        ("Measures on windows that have no interval", [k for k in task if not _has_interval(k)]),
        ("Guards", [key for key in whole if key not in task]),
    )
    for title, columns in groups:
        if columns:
            yield f"## {title}"
            yield ""
            yield from _values(shown, columns, lambda key: key.measure)
            yield ""
    for kind in ("slice", "family"):
        for measure in dict.fromkeys(key.measure for key in free if key.kind == kind):
            if kind == "slice" and not MEASURES[measure].interval:
                continue
            columns = [key for key in free if (key.kind, key.measure) == (kind, measure)]
            yield f"### `{measure}` by {kind}"
            yield ""
            yield from _values(shown, columns, lambda key: key.name)
            yield ""


def _values(
    found: Sequence[Judged], columns: Sequence[Key], title: Callable[[Key], str]
) -> Iterator[str]:
    heads = [f"`{title(key)}`{_unit(key)}" for key in columns]
    rows = (
        [f"`{one.edit.name}`", *(_cell(key, one.values.get(key)) for key in columns)]
        for one in found
    )
    yield from _table(["edit", *heads], rows)


def _has_interval(key: Key) -> bool:
    return key.measure in MEASURES and MEASURES[key.measure].interval


def _unit(key: Key) -> str:
    unit = MEASURES[key.measure].unit if key.measure in MEASURES else None
    return "" if unit in {None, Unit.RATIO, Unit.COUNT} else f" ({unit})"


def _cell(key: Key, value: Value) -> str:
    if value.point is None:
        return value.words or value.status.replace("_", " ")
    if value.low is None or value.high is None:
        return _short(value.point) + (" (too few)" if value.status == "too_few" else "")
    return f"{_short(value.point)} [{_short(value.low)}, {_short(value.high)}]"


def _short(number: Decimal) -> str:
    return words.short(f"{number:f}")


# --- layout --------------------------------------------------------------------------------------


def _tiers(found: Sequence[Judged]) -> list[str]:
    return next((list(one.verdicts) for one in found if one.verdicts), [])


def _table(heads: Sequence[str], rows: Iterator[list[str]]) -> Iterator[str]:
    yield "| " + " | ".join(heads) + " |"
    yield "| " + " | ".join("---" for _ in heads) + " |"
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
