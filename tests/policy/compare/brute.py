"""Comparison by trying values: asks `decide` alone, and knows nothing of how compare works.

Values are tried place by place, a place being what one :class:`Value` is about; the families of
one measure are one place, for `on each family` speaks of all of them. A bar accepts a choice of
values if it accepts each place's; so the places' answers add up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import lru_cache
from itertools import product
from typing import NamedTuple

from invarlock.judge.decide import decide
from invarlock.judge.values import Key, Value, Values
from invarlock.policy.catalogue import FAMILIES, MEASURES, SETTINGS, Kind, Unit
from invarlock.policy.compare import Sample, Strictness
from invarlock.policy.ir import BarIR, Gate, Interval
from invarlock.policy.signers import KeySigner, WorkflowSigner
from tests.policy.compare.pairs import DIGESTS, GLOBS

EPSILON = Decimal("1e-6")
OTHER = {
    "repository": ("acme/", "acme/s", "/models", "models", "acme/x", "x", "x/models"),
    "workflow": ("x",),
    "ref": ("refs/tags/", "refs//", "refs/x/y"),
    "issuer": ("https://o",),
}
"""Texts beside the globs: with these every two sets of rules of the generator differ somewhere."""


SETTING_DEFAULTS = {name: setting.default for name, setting in SETTINGS.items()}


class Place(NamedTuple):
    measure: str
    kind: str
    name: str


def accepts(gates: Iterable[Gate], values: Values) -> bool:
    """Whether `decide` passes every one of ``gates``, each in a bar of its own."""
    return all(_passes(gate, tuple(values.of(gate.measure, gate.target))) for gate in gates)


@lru_cache(maxsize=1 << 14)
def _passes(gate: Gate, read: tuple[tuple[Key, Value], ...]) -> bool:
    """Asked once for the values that a gate reads, whatever else there is."""
    bar = BarIR(task="causal_lm", settings=SETTING_DEFAULTS, gates=(gate,))
    return decide(bar, Values(dict(read))).verdict == "pass"


def value_of(sample: Sample) -> Value:
    """The value that a sample stands for."""
    assert sample.status != "absent"
    point, low, high = (
        None if text is None else Decimal(text) for text in (sample.point, sample.low, sample.high)
    )
    return Value(sample.status, point, low, high, sample.words, sample.identity)


def values_of(samples: Iterable[Sample]) -> Values:
    """All samples as the judge is given them."""
    return Values(
        {
            Key(sample.measure, sample.kind, sample.name): value_of(sample)
            for sample in samples
            if sample.status != "absent"
        }
    )


def relation_of(old: BarIR, new: BarIR) -> Strictness | None:
    """What ``new`` is, held against ``old``; ``None`` where nothing passes one of them."""
    places = [*_places(old, new)]
    if not all(
        any(gate.level == "require" for gate in bar.gates)
        and all(_satisfiable(place, bar, old, new) for place in places)
        for bar in (old, new)
    ):
        return None
    if old.settings != new.settings or old.task != new.task:
        return Strictness.INCOMPARABLE
    old_only = new_only = False
    for place in places:
        kinds: tuple[set[str], set[str]] = set(), set()
        for values in candidates(place, old, new):
            one, other = (accepts(_at(place, bar), values) for bar in (old, new))
            if one != other:
                kinds[other].add(_signer(values))
        named = MEASURES[place.measure].kind is Kind.SIGNER
        if all(kinds) and named and not kinds[0] & kinds[1]:
            return Strictness.INCOMPARABLE
        old_only |= bool(kinds[0])
        new_only |= bool(kinds[1])
    return Strictness.of(old_only=old_only, new_only=new_only)


def _signer(values: Values) -> str:
    found = [value.identity.kind for value in values.items.values() if value.identity]
    return found[0] if found else ""


def _satisfiable(place: Place, bar: BarIR, old: BarIR, new: BarIR) -> bool:
    gates = _at(place, bar)
    return not gates or any(accepts(gates, values) for values in candidates(place, old, new))


def _places(*bars: BarIR) -> dict[Place, None]:
    return dict.fromkeys(
        _place(gate) for bar in bars for gate in bar.gates if gate.level == "require"
    )


def _place(gate: Gate) -> Place:
    if gate.target is None:
        return Place(gate.measure, "all", "")
    if gate.target.kind == "slice":
        return Place(gate.measure, "slice", gate.target.name)
    return Place(gate.measure, "families", "")


def _at(place: Place, bar: BarIR) -> list[Gate]:
    return [gate for gate in bar.gates if gate.level == "require" and _place(gate) == place]


def candidates(place: Place, old: BarIR, new: BarIR) -> Iterator[Values]:
    """Everything worth trying at ``place``: nothing, and one value, or one for each family."""
    gates = [*_at(place, old), *_at(place, new)]
    singles = list(_singles(place.measure, gates))
    yield Values({})
    if place.kind != "families":
        for value in singles:
            yield Values({Key(place.measure, place.kind, place.name): value})  # type: ignore[arg-type]
        return
    # Of the values of one family that all gates treat alike, one is enough.
    options = []
    for family in FAMILIES:
        apart: dict[tuple[bool, ...], Value | None] = {(): None}
        for value in singles:
            alone = Values({Key(place.measure, "family", family): value})
            apart.setdefault(tuple(accepts([gate], alone) for gate in gates), value)
        options.append(apart.values())
    for chosen in product(*options):
        families = zip(FAMILIES, chosen, strict=True)
        yield Values({Key(place.measure, "family", f): v for f, v in families if v is not None})


def _singles(name: str, gates: list[Gate]) -> Iterator[Value]:
    measure = MEASURES[name]
    yield Value("missing")
    yield Value("non_finite")
    match measure.kind:
        case Kind.NUMBER:
            yield from _numeric(name, gates)
        case Kind.WORD:
            yield from (Value("ok", words=word) for word in measure.words)
        case Kind.DIGEST:
            yield from (Value("ok", words=word) for word in (*DIGESTS, f"sha256:{'9' * 64}"))
        case Kind.SIGNER:
            yield from (Value("ok", identity=identity) for identity in _identities())


def _identities() -> Iterator[KeySigner | WorkflowSigner]:
    yield from (KeySigner(key=digest) for digest in DIGESTS)
    texts = {part: {g for g in GLOBS[part] if "*" not in g} | {*OTHER[part]} for part in GLOBS}
    for repository, workflow, ref, issuer in product(*texts.values()):
        yield WorkflowSigner(repository=repository, workflow=workflow, ref=ref, issuer=issuer)


def _numeric(name: str, gates: list[Gate]) -> Iterator[Value]:
    numbers = sorted(_numbers(name, gates))
    yield Value("ok", Decimal("nan"), Decimal("nan"), Decimal("nan"))
    yield from (Value("too_few", number) for number in numbers)
    if MEASURES[name].interval:
        yield from (Value("ok", number) for number in numbers)
    if not MEASURES[name].interval:
        yield from (Value("ok", number) for number in numbers)
        return
    # A statistic that no gate reads need not vary; with both, an interval reaches one step far.
    points = numbers if any(gate.statistic == "point" for gate in gates) else numbers[:1]
    ranged = any(gate.statistic == "estimate" for gate in gates)
    far = 2 if len(points) > 1 else len(numbers)
    for place, low in enumerate(numbers if ranged else numbers[:1]):
        for high in numbers[place : place + far] if ranged else [low]:
            yield from (Value("ok", point, low, high) for point in points)


def _numbers(name: str, gates: list[Gate]) -> set[Decimal]:
    """All endpoints ± ε, those of the natural range too, as far as the measure takes them."""
    measure = MEASURES[name]
    natural = measure.range
    whole = measure.unit in {Unit.COUNT, Unit.TOKENS, Unit.WINDOWS}
    ends = {end for gate in gates for end in _ends(gate)}
    ends |= {end for end in (natural.low, natural.high) if end is not None} or {Decimal(0)}
    step = Decimal(1) if whole else EPSILON
    near = {end + by for end in ends for by in (-step, Decimal(0), step)}
    if whole:
        near = {Decimal(int(number) + by) for number in near for by in (0, 1)}
    limits = Interval(
        low=None if natural.low is None else str(natural.low),
        high=None if natural.high is None else str(natural.high),
        low_closed=natural.low_closed,
        high_closed=natural.high_closed,
    )
    return {number for number in near if limits.contains(number)}


def _ends(gate: Gate) -> list[Decimal]:
    if not isinstance(gate.relation, Interval):
        return []
    return [Decimal(end) for end in (gate.relation.low, gate.relation.high) if end is not None]
