"""The one form of an IR: what the compiler cannot have written is found here. Pure.

An IR may come from anywhere, and types say too little: each part is made canonical again, and has
to be what it was. Source: grammar/REFERENCE.md, "The intermediate form".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

from invarlock.canonical import canonical_bytes
from invarlock.policy.catalogue import FAMILIES, MEASURES, SETTINGS, TASKS, Kind, Measure
from invarlock.policy.check import LANGUAGE
from invarlock.policy.check_setting import looks_apart
from invarlock.policy.check_signer import glob_fault
from invarlock.policy.check_slice import slice_fault
from invarlock.policy.check_task import measure_fault, setting_fault
from invarlock.policy.compare.region import MAX_DIGITS
from invarlock.policy.diagnostics import shown
from invarlock.policy.intervals import canonical, is_empty, is_vacuous, range_interval, reach
from invarlock.policy.ir import BarIR, Gate, Interval, Member, PolicyIR, Relation, Signers
from invarlock.policy.signers import KeySigner

_UNQUOTABLE: Final = frozenset('"\\')

_BAR: Final = re.compile(r"[a-z][a-z0-9_]*(\+[a-z][a-z0-9_]*)?")
_DECIMAL: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_KINDS: Final = {
    Kind.NUMBER: Interval,
    Kind.WORD: Member,
    Kind.DIGEST: Member,
    Kind.SIGNER: Signers,
}

Formed = set[tuple[str, Relation]]
"""Relations, each of a measure, that have their form: the bars of a policy share most of them."""


def policy_faults(policy: PolicyIR) -> Iterator[str]:
    """What is wrong with the form of ``policy`` and its bars, each in words; nothing if it is as
    the compiler writes it."""
    if policy.language != LANGUAGE:
        yield f"the unknown language version {policy.language}"
    if not policy.bars:
        yield "no bar"
    formed: Formed = set()
    profiles = {"", *("+" + name.split("+")[1] for name in policy.bars if "+" in name)}
    for name, bar in policy.bars.items():
        yield from name_faults(name)
        if missing := sorted({name.split("+")[0] + end for end in profiles} - policy.bars.keys()):
            yield f"the bar `{shown(name)}` without `{shown(missing[0])}`"
        if bar.task != policy.task:
            yield f"the bar `{shown(name)}`, which has another task"
        yield from bar_faults(bar, formed)


def name_faults(name: str) -> Iterator[str]:
    """As :func:`policy_faults`, of the name of a bar."""
    if _BAR.fullmatch(name) is None:
        yield f"the bar `{shown(name)}`, a name that no policy gives"


def bar_faults(bar: BarIR, formed: Formed | None = None) -> Iterator[str]:
    """As :func:`policy_faults`, of one bar. Relations in ``formed`` are taken as they are; others
    without a fault join them."""
    formed = set() if formed is None else formed
    if bar.task not in TASKS:
        yield f"the unknown task `{shown(bar.task)}`"
    if odd := sorted(bar.settings.keys() ^ SETTINGS.keys()):
        yield f"a missing or unknown setting, `{shown(odd[0])}`"
    for name, value in bar.settings.items():
        if name in SETTINGS and not setting_fits(name, value):
            yield f"`{name} = {shown(value)}`, which no policy can set"
        elif (fault := setting_fault(name, value, bar.task)) is not None:
            yield fault[0]
    if not odd and (apart := looks_apart(bar.settings)):
        yield apart
    for gate in bar.gates:
        yield from gate_faults(gate, formed)
        if bar.task in TASKS and (fault := measure_fault(gate.measure, bar.task)) is not None:
            yield fault[0]
    if not _ascending([gate.id for gate in bar.gates]):
        yield "gates that are out of order or doubled"
    if not any(gate.level == "require" for gate in bar.gates):
        yield "a bar that requires nothing"


def setting_fits(name: str, value: str) -> bool:
    """Whether the setting ``name`` of the catalogue can have ``value``, spelled like this."""
    known = SETTINGS[name]
    if known.words:
        return value in known.words
    if not _is_decimal(value) or (known.whole and "." in value):
        return False
    return range_interval(known.range).contains(Decimal(value))


def gate_faults(gate: Gate, formed: Formed) -> Iterator[str]:
    """As :func:`bar_faults`, of one gate."""
    called = f"`{shown(gate.id)}`"
    measure = MEASURES.get(gate.measure)
    if measure is None:
        yield f"the unknown measure `{shown(gate.measure)}`"
        return
    if gate.statistic == "point" and not measure.interval:
        yield f"{called}, which has no interval to ignore"
    if not target_fits(gate, measure):
        yield f"{called}, which is no target of that measure"
    if not relation_fits(gate, measure):
        yield f"{called} with a relation of another kind"
        return
    key = gate.measure, gate.relation
    if key not in formed:
        why = _relation_fault(gate, measure)
        if why is None:
            formed.add(key)
        else:
            yield f"{called} with {why}"


def relation_fits(gate: Gate, measure: Measure) -> bool:
    """Whether the relation is of the kind that ``measure`` takes."""
    return isinstance(gate.relation, _KINDS[measure.kind])


def target_fits(gate: Gate, measure: Measure) -> bool:
    """Whether ``measure`` is measured on what the gate names."""
    target = gate.target
    if target is None:
        return True
    match target.kind:
        case "slice":
            return measure.slices and _is_slice(target.name)
        case "family":
            return measure.families and target.name in FAMILIES
        case "each":
            return measure.families and target.name == "family"


def _is_slice(name: str) -> bool:
    """Whether a source can spell ``name``."""
    return slice_fault(name) is None and not _UNQUOTABLE.intersection(name)


def too_long(interval: Interval) -> bool:
    """Whether a number of ``interval`` has more digits than are computed with."""
    return max(len(interval.low or ""), len(interval.high or "")) > MAX_DIGITS


def _relation_fault(gate: Gate, measure: Measure) -> str | None:
    match gate.relation:
        case Interval():
            return _interval_fault(gate.relation, measure)
        case Member():
            return _member_fault(gate.relation, measure)
        case Signers():
            return _signers_fault(gate.relation, measure)


def _interval_fault(interval: Interval, measure: Measure) -> str | None:
    ends = [end for end in (interval.low, interval.high) if end is not None]
    if too_long(interval) or not all(map(_is_decimal, ends)):
        return f"a number that is malformed or has more than {MAX_DIGITS} digits"
    if is_empty(reach(interval, measure)):
        return "an interval that is empty"
    if is_vacuous(interval, measure):
        return "an interval that takes everything"
    return None if canonical(interval, measure) == interval else "an interval in another form"


def _member_fault(member: Member, measure: Measure) -> str | None:
    if measure.kind is Kind.DIGEST:
        known = all(map(_DIGEST.fullmatch, member.values))
    else:
        known = set(member.values) <= set(measure.words)
    if not known:
        return "a value that it never has"
    return None if _ascending(member.values) else "values that are out of order or doubled"


def _signers_fault(signers: Signers, measure: Measure) -> str | None:
    for rule in signers.rules:
        if isinstance(rule, KeySigner):
            if _DIGEST.fullmatch(rule.key) is None:
                return "a malformed key"
            continue
        for part in ("repository", "workflow", "ref", "issuer"):
            fault = glob_fault(getattr(rule, part))
            if fault is not None:
                return f"a signer whose `{part}` {fault[0]}"
    if not _ascending([canonical_bytes(rule.document()) for rule in signers.rules]):
        return "signers that are out of order or doubled"
    # Only now: what covers what is decided of globs alone.
    return None if canonical(signers, measure) == signers else "a signer whom another covers"


def _is_decimal(text: str) -> bool:
    return len(text) <= MAX_DIGITS and _DECIMAL.fullmatch(text) is not None and text != "-0"


def _ascending(items: Sequence[Any]) -> bool:
    """By code points, or by bytes; none twice."""
    return all(one < other for one, other in pairwise(items))
