"""Source → compiled policy: the passes in order, and nothing else.

parse → build → check → resolve → lower. Each is a pure function of what the one before returned.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from invarlock.canonical import digest_bytes
from invarlock.errors import UsageFault
from invarlock.policy.advise import advise
from invarlock.policy.build import build
from invarlock.policy.check import check
from invarlock.policy.checked import Case
from invarlock.policy.diagnostics import Diagnostic, PolicyFault, ordered, shown
from invarlock.policy.ir import BarIR, PolicyIR
from invarlock.policy.lower import lower
from invarlock.policy.names import did_you_mean
from invarlock.policy.parse import parse
from invarlock.policy.problems import Problem, Problems
from invarlock.policy.resolve import resolve
from invarlock.policy.signers import KeySigner, WorkflowSigner
from invarlock.policy.span import Lines, Span

# What a reviewer does not see, or sees elsewhere: controls, a bare carriage return, line and
# paragraph separators, and the bidirectional marks that reorder what is shown.
_HIDDEN: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|\r(?!\n)"
)

MAX_BYTES: Final = 1 << 20
"""Size of a policy file, in bytes."""

_START: Final = Span(1, 1, 1, 1)
# After an error a statement is missing from what follows; what depends on it says nothing.
_SPURIOUS: Final = {
    "E101": frozenset({"E107", "E111", "E122"}),
    "E102": frozenset({"E111", "E122"}),
    "E103": frozenset({"E111", "E122"}),
    "E104": frozenset({"E111"}),
    "E105": frozenset({"E111", "E122"}),
    "E108": frozenset({"E111"}),
    "E113": frozenset({"E111"}),
    "E126": frozenset({"E111", "E122"}),
}


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


def compile_policy(source: bytes, *, filename: str) -> Compiled:
    """Compile a policy.

    Pure; ``filename`` only labels diagnostics. Raises :class:`PolicyFault` with every error and
    warning of the file, in the order of the source. Ends on any bytes.
    """
    problems = Problems()
    compiled: Compiled | None = None
    with problems.collecting():
        text = decode(source)
        compiled = _compile(source, text, problems)
    found = tuple(replace(d, filename=filename) for d in ordered(problems.found))
    if compiled is None or any(d.severity == "error" for d in found):
        raise PolicyFault(found, source)
    return replace(compiled, warnings=found)


def decode(source: bytes) -> str:
    """The text of a policy file. Raises :class:`Problem` E115 on what is no such text."""
    if len(source) > MAX_BYTES:
        message = f"the file has {len(source)} bytes, more than {MAX_BYTES}"
        raise Problem("E115", message, "split the policy", _START)
    try:
        text = source.decode("utf-8")
    except UnicodeDecodeError as err:
        before = source[: err.start].decode("utf-8")
        message = f"byte {err.start} is not UTF-8"
        raise Problem("E115", message, "save the file as UTF-8", _end_of(before)) from err
    if text.startswith("\ufeff"):
        raise Problem("E115", "the file begins with a byte order mark", "remove it", _START)
    hidden = _HIDDEN.search(text)
    if hidden is not None:
        name = "a NUL byte" if hidden[0] == "\0" else f"the character U+{ord(hidden[0]):04X}"
        place = _end_of(text[: hidden.start()])
        raise Problem("E115", f"the file holds {name}", "remove it: readers could miss it", place)
    return text


def _end_of(text: str) -> Span:
    return Lines(text).span(len(text), len(text))


def _compile(source: bytes, text: str, problems: Problems) -> Compiled | None:
    tree, faults = parse(text)
    lines = Lines(text)
    for fault in faults:
        problems.add(fault.code, fault.message, fault.hint, lines.span(fault.start, fault.end))
    checked = check(build(tree, text), problems)
    if checked is None:
        return None
    bars = resolve(checked, problems)
    silenced = frozenset[str]().union(*(_SPURIOUS.get(d.code, ()) for d in problems.found))
    problems.found = [d for d in problems.found if d.code not in silenced]
    if any(d.severity == "error" for d in problems.found):
        return None
    ir = lower(checked, bars)
    advise(ir, bars.values(), checked.span, problems)
    return Compiled(
        name=checked.name,
        version=checked.version,
        source=source,
        source_digest=digest_bytes(source),
        ir=ir,
        warnings=(),
        spans={
            name: {key: placed.span for key, placed in bar.gates.items()}
            for name, bar in bars.items()
        },
        cases=checked.cases,
        signers={name: placed.rule for name, placed in checked.signers.items()},
        setting_spans={
            name: {key: placed.span for key, placed in bar.settings.items()}
            for name, bar in bars.items()
        },
    )
