"""Pairs of bars out of a seeded generator: every kind of measure, target, bound and signer."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from invarlock.policy.catalogue import FAMILIES, MEASURES, SETTINGS, Kind, Measure, Unit
from invarlock.policy.ir import BarIR, Gate, Interval, Member, Relation, Signers, Target
from invarlock.policy.signers import KeySigner, WorkflowSigner

SHARE = ("0", "0.2", "0.5", "0.97", "1")
PLAIN = ("0", "0.05", "0.2", "1", "1.1", "7")
WHOLE = ("0", "1", "2", "5", "400")
BROKEN = ("0.5", "1.5", "4.5")
SIGNED = ("-100", "-1", "0", "0.05", "2", "100")
DIGESTS = tuple(f"sha256:{letter * 64}" for letter in "abc0")
KEYS = tuple(KeySigner(key=digest) for digest in DIGESTS[:2])
GLOBS = {
    "repository": ("acme/*", "acme/models", "*/models", "*", "acme/*s"),
    "workflow": ("w.yml", "*"),
    "ref": ("refs/tags/*", "refs/*/*", "refs/heads/main"),
    "issuer": ("https://i",),
}
WORKFLOWS = tuple(
    WorkflowSigner(repository=repository, workflow=workflow, ref=ref, issuer="https://i")
    for repository in GLOBS["repository"]
    for workflow in GLOBS["workflow"]
    for ref in GLOBS["ref"]
)


def numbers_of(measure: Measure) -> tuple[str, ...]:
    """Bounds that a policy may hold a measure to; also fractions for what is counted."""
    if measure.unit in {Unit.COUNT, Unit.TOKENS, Unit.WINDOWS}:
        return WHOLE + BROKEN
    if measure.range.high == 1:
        return SHARE
    return SIGNED if measure.range.low is None or measure.range.low < 0 else PLAIN


def interval(random: Random, measure: Measure) -> Interval:
    numbers = numbers_of(measure)
    low, high = sorted(random.choices(numbers, k=2), key=float)
    closed = [random.random() < 0.7 for _ in "lh"]
    match random.randrange(8):
        case 0 | 1 | 2:
            return Interval(high=high, high_closed=closed[1])
        case 3 | 4:
            return Interval(low=low, low_closed=closed[0])
        case 5:
            return Interval()
        case _:
            return Interval(low=low, low_closed=closed[0], high=high, high_closed=closed[1])


def relation(random: Random, measure: Measure) -> Relation:
    match measure.kind:
        case Kind.NUMBER:
            return interval(random, measure)
        case Kind.WORD:
            count = random.randint(1, len(measure.words))
            return Member(values=tuple(sorted(random.sample(measure.words, count))))
        case Kind.DIGEST:
            return Member(values=tuple(sorted(random.sample(DIGESTS, random.randint(1, 3)))))
        case Kind.SIGNER:
            pool = (*KEYS, *random.sample(WORKFLOWS, 3))
            rules = random.sample(pool, random.randint(1, 3))
            return Signers(rules=tuple(sorted(rules, key=repr)))


def targets_of(measure: Measure) -> list[Target | None]:
    found: list[Target | None] = [None]
    if measure.slices:
        found += [Target(kind="slice", name=name) for name in ("code", "law")]
    if measure.families:
        found += [Target(kind="family", name=name) for name in FAMILIES]
        found += [Target(kind="each", name="family")] * 3
    return found


def gate(random: Random, measure: Measure) -> Gate:
    return Gate(
        measure=measure.name,
        statistic=random.choice(["estimate", "point"]) if measure.interval else "estimate",
        target=random.choice(targets_of(measure)),
        level="require" if random.random() < 0.8 else "warn",
        relation=relation(random, measure),
    )


def bar(gates: dict[str, Gate], settings: dict[str, str]) -> BarIR:
    ordered = tuple(gates[key] for key in sorted(gates))
    return BarIR(task="causal_lm", settings=settings, gates=ordered)


def pair(random: Random) -> tuple[BarIR, BarIR]:
    """Two bars, the second one an edit of the first; not always can something pass them."""
    settings = {name: setting.default for name, setting in SETTINGS.items()}
    names = random.sample(sorted(MEASURES), random.randint(1, 3))
    if random.random() < 0.25:
        names += ["spectral.shift", "kl.mean"]
    first = {}
    for name in names * 2:
        made = gate(random, MEASURES[name])
        first[made.id] = made
    second = dict(first)
    for key in list(first):
        match random.randrange(6):
            case 0:
                del second[key]
            case 1 | 2:
                old = first[key]
                made = gate(random, MEASURES[old.measure])
                second[key] = Gate(
                    measure=old.measure,
                    statistic=old.statistic,
                    target=old.target,
                    level=made.level,
                    relation=made.relation,
                )
            case 3:
                made = gate(random, MEASURES[first[key].measure])
                second.setdefault(made.id, made)
            case _:
                pass
    changed = dict(settings)
    if random.random() < 0.05:
        changed["estimate.seed"] = "8"
    return bar(first, settings), bar(second, changed)


def pairs(seed: int) -> Iterator[tuple[BarIR, BarIR]]:
    """Pairs without end."""
    random = Random(seed)  # noqa: S311 - tests want the same pairs each time
    while True:
        yield pair(random)
