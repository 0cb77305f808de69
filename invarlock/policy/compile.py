"""Source → compiled policy: the passes in order, and nothing else.

parse → build → check → resolve → lower (:mod:`invarlock.policy.units`). Each is a pure function of
what the one before returned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from invarlock.canonical import digest_bytes
from invarlock.errors import UsageFault
from invarlock.policy.advise import advise
from invarlock.policy.checked import Case
from invarlock.policy.diagnostics import Diagnostic, PolicyFault, named, ordered, shown
from invarlock.policy.ir import BarIR, PolicyIR
from invarlock.policy.names import did_you_mean
from invarlock.policy.problems import Problems
from invarlock.policy.redundant import warn_redundant
from invarlock.policy.signers import KeySigner, WorkflowSigner
from invarlock.policy.span import Span
from invarlock.policy.units import IncludeReader, Unit, Units


@dataclass(frozen=True, slots=True)
class Compiled:
    """A policy without errors. ``spans`` holds, for each bar and gate id, where it is written;
    ``cases`` its own tests, in the order of the source; ``signers`` the rules that it declares, by
    the names that it gives them; ``setting_spans`` where each bar's settings are written, if they
    are."""

    name: str
    version: str
    source: bytes
    source_digest: str
    ir: PolicyIR
    warnings: tuple[Diagnostic, ...]
    spans: Mapping[str, Mapping[str, Span]]
    cases: tuple[Case, ...] = ()
    signers: Mapping[str, KeySigner | WorkflowSigner] = field(default_factory=dict)
    includes: Mapping[str, bytes] = field(default_factory=dict)
    setting_spans: Mapping[str, Mapping[str, Span]] = field(default_factory=dict)

    @property
    def tiers(self) -> tuple[str, ...]:
        """Names of the tiers, sorted."""
        return tuple(name for name in self.ir.bars if "+" not in name)

    @property
    def profiles(self) -> tuple[str, ...]:
        """Names of the profiles, sorted."""
        return tuple(sorted({bar.split("+")[1] for bar in self.ir.bars if "+" in bar}))

    def bar(self, tier: str | None, profile: str | None) -> tuple[str, BarIR]:
        """Name and IR of the bar; a ``tier`` of ``None`` means the only one.

        Raises :class:`UsageFault` E107 where the policy has no such tier or profile, or several
        tiers and none was named.
        """
        if tier is None:
            if len(self.tiers) != 1:
                message = f"the policy `{self.name}` has several tiers"
                raise UsageFault("E107", message, "name one: " + _listed(self.tiers))
            tier = self.tiers[0]
        if tier not in self.tiers:
            hint = did_you_mean(tier, self.tiers, "name one: " + _listed(self.tiers))
            raise UsageFault("E107", f"the policy `{self.name}` has no tier `{shown(tier)}`", hint)
        if profile is None:
            return tier, self.ir.bars[tier]
        if profile not in self.profiles:
            hint = did_you_mean(profile, self.profiles, "name one: " + _listed(self.profiles))
            message = f"the policy `{self.name}` has no profile `{shown(profile)}`"
            raise UsageFault("E107", message, hint if self.profiles else "it declares none")
        name = f"{tier}+{profile}"
        return name, self.ir.bars[name]


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def compile_policy(
    source: bytes, *, filename: str, includes: IncludeReader | None = None
) -> Compiled:
    """Compile a policy.

    Pure but for ``includes``, which reads included files; ``filename`` only labels diagnostics.
    Raises :class:`PolicyFault` with every error and warning of the file, in the order of the
    source, and the errors of what it includes. Ends on any bytes.
    """
    problems, units = Problems(), Units(includes)
    unit: Unit | None = None
    with problems.collecting():
        unit = units.unit(source, "", problems)
        if unit is not None:
            advise(unit.ir, unit.bars, unit.checked, problems)
            warn_redundant(unit.ir, unit.bars, problems)
    found = tuple(named(found, filename) for found in ordered(problems.found))
    read = dict(sorted(units.sources.items()))
    if unit is None or problems.any_error:
        raise PolicyFault(found, source, read)
    checked = unit.checked
    return Compiled(
        name=checked.name,
        version=checked.version,
        source=source,
        source_digest=digest_bytes(source),
        ir=unit.ir,
        warnings=found,
        spans={
            name: {key: placed.span for key, placed in bar.gates.items()}
            for name, bar in unit.bars.items()
        },
        cases=checked.cases,
        signers={name: placed.rule for name, placed in checked.signers.items()},
        includes=read,
        setting_spans={
            name: {key: placed.span for key, placed in bar.settings.items()}
            for name, bar in unit.bars.items()
        },
    )
