"""The versioned policy IR: what a bar means, and nothing else.

A bar is a tier under a profile, resolved. Its semantic digest is the digest of this IR; comments,
layout, order, names of policy, tier and profile, and spellings of a number are outside it
(DESIGN section 3). Numbers are exact decimal strings in the unit of the measure.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

from invarlock.canonical import digest_json
from invarlock.policy.shapes import Limits, Node, Tagged
from invarlock.policy.signers import KeySigner, SignerRule, WorkflowSigner, accepts

DecimalText = Annotated[str, Limits(pattern=r"^-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval(Node):
    """Numbers between two bounds; ``None`` is unbounded."""

    kind: Literal["interval"] = "interval"
    low: DecimalText | None = None
    low_closed: bool = True
    high: DecimalText | None = None
    high_closed: bool = True

    def contains(self, value: Decimal) -> bool:
        """Whether ``value`` lies inside, by exact decimal comparison."""
        if self.low is not None:
            low = Decimal(self.low)
            if value < low or (value == low and not self.low_closed):
                return False
        if self.high is not None:
            high = Decimal(self.high)
            if value > high or (value == high and not self.high_closed):
                return False
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Member(Node):
    """A finite set of words or digests, sorted."""

    kind: Literal["member"] = "member"
    values: Annotated[tuple[str, ...], Limits(min_length=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signers(Node):
    """Who may sign: one of these rules, sorted by their canonical JSON, none twice.

    The names that the source gives to its signers are outside the IR.
    """

    kind: Literal["signers"] = "signers"
    rules: Annotated[tuple[SignerRule, ...], Limits(min_length=1)]

    def accepts(self, identity: KeySigner | WorkflowSigner) -> bool:
        """Whether one of the rules allows ``identity``."""
        return any(accepts(rule, identity) for rule in self.rules)


Relation = Annotated[Interval | Member | Signers, Tagged("kind")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target(Node):
    """``on "code"`` (slice), ``on attn`` (family), ``on each family`` (each; name ``family``)."""

    kind: Literal["slice", "family", "each"]
    name: str


def gate_id(name: str, target: Target | None) -> str:
    """The key of a gate on ``name``, a measure perhaps with a statistic, and ``target``."""
    if target is None:
        return name
    match target.kind:
        case "slice":
            return f'{name} on "{target.name}"'
        case "family":
            return f"{name} on {target.name}"
        case "each":
            return f"{name} on each {target.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate(Node):
    """One ``require`` or ``warn``. ``statistic`` is ``"point"`` where the source has ``.point``."""

    measure: str
    statistic: Literal["estimate", "point"] = "estimate"
    target: Target | None = None
    level: Literal["require", "warn"]
    relation: Relation

    @property
    def id(self) -> str:
        """The key of the gate as the source spells it, such as ``kl.mean on "code"``."""
        return gate_id(self.measure + (".point" if self.statistic == "point" else ""), self.target)


@dataclass(frozen=True, slots=True, kw_only=True)
class BarIR(Node):
    """A bar: every setting that engine or judge reads, and all gates, sorted by id."""

    ir: Literal["invarlock.bar/1"] = "invarlock.bar/1"
    task: str
    settings: dict[str, str]
    gates: tuple[Gate, ...]

    @property
    def digest(self) -> str:
        """The semantic digest of the bar."""
        return digest_json(self.document())

    def gate(self, gate_id: str) -> Gate | None:
        """The gate with this id, or ``None``."""
        return next((gate for gate in self.gates if gate.id == gate_id), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyIR(Node):
    """A whole policy: the map from bar names (``tier`` or ``tier+profile``) to bars."""

    ir: Literal["invarlock.policy/1"] = "invarlock.policy/1"
    language: int
    task: str
    bars: dict[str, BarIR]

    @property
    def digest(self) -> str:
        """Covers language version, task, and the map from names to bar digests."""
        return self.digests[0]

    @property
    def digests(self) -> tuple[str, dict[str, str]]:
        """The digest of the policy and those of its bars by name: each bar is hashed once."""
        bars = {name: bar.digest for name, bar in self.bars.items()}
        return digest_json({"language": self.language, "task": self.task, "bars": bars}), bars
