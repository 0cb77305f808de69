"""Runs the rules over one policy, leaves out what is allowed, and applies fixes.

A fix changes how something is written and never what it means: that the digest stays is checked
after every round (DESIGN section 3).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from invarlock.authoring.format import format_checked
from invarlock.authoring.lint.allow import allows
from invarlock.authoring.lint.finding import Hit, LintFinding, Rule
from invarlock.authoring.lint.linted import Linted, linted
from invarlock.authoring.lint.names import NAMES
from invarlock.authoring.lint.rules import RULES, unused_allow
from invarlock.errors import InternalFault
from invarlock.policy.compile import compile_policy
from invarlock.policy.units import IncludeReader

_MAX_ROUNDS: Final = 10
"""Rounds of fixing. Each applies what does not overlap; what is left waits for the next."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """A source after fixing, and what was fixed in it."""

    source: bytes
    applied: tuple[LintFinding, ...]


def lint(
    source: bytes,
    *,
    filename: str,
    includes: IncludeReader | None = None,
    rules: Collection[str] | None = None,
) -> tuple[LintFinding, ...]:
    """The findings of ``rules`` (names; ``None`` means all) in the order of the source.

    Pure but for ``includes``, which reads included files; ``filename`` only labels diagnostics.
    Raises :class:`PolicyFault` where the policy does not compile: then the compiler has the word.
    """
    view = linted(compile_policy(source, filename=filename, includes=includes))
    chosen = [rule for rule in RULES if rules is None or rule.name in rules]
    found = [finding for rule in chosen for finding in _findings(rule, view)]
    by_line = allows(view)
    said = {(finding.span.line, finding.rule) for finding in found}
    allowed = {(line, allow.rule) for line, group in by_line.items() for allow in group}
    kept = [finding for finding in found if (finding.span.line, finding.rule) not in allowed]
    if rules is None or unused_allow.RULE.name in rules:
        kept += [
            _finding(unused_allow.RULE, unused_allow.hit(view, allow.comment))
            for line, group in by_line.items()
            for allow in group
            if (line, allow.rule) not in said and allow.rule in (NAMES if rules is None else rules)
        ]
    return tuple(sorted(kept, key=lambda finding: (finding.span, finding.rule)))


def fix(
    source: bytes,
    *,
    filename: str,
    includes: IncludeReader | None = None,
    rules: Collection[str] | None = None,
) -> Fixed:
    """``source`` with every fix applied that the findings of ``rules`` offer, then formatted.

    Unchanged where there is nothing to fix. Raises :class:`PolicyFault` as :func:`lint`, and
    :class:`InternalFault` E132 where a fix would move the digest.
    """
    digest = compile_policy(source, filename=filename, includes=includes).ir.digest
    applied: list[LintFinding] = []
    for _ in range(_MAX_ROUNDS):
        found = lint(source, filename=filename, includes=includes, rules=rules)
        offered = _disjoint(found)
        if not offered:
            break
        source = apply_fixes(source, offered)
        applied += offered
        if compile_policy(source, filename=filename, includes=includes).ir.digest != digest:
            names = ", ".join(sorted({finding.rule for finding in offered}))
            message = f"fixing {names} in `{filename}` would move its digest"
            raise InternalFault("E132", message, "the file was left as it is; please report this")
    if applied:
        source = format_checked(source, filename=filename, includes=includes)
    return Fixed(source, tuple(applied))


def apply_fixes(source: bytes, findings: Iterable[LintFinding]) -> bytes:
    """``source`` with the fixes of ``findings``; of two that overlap, only the earlier."""
    text = source.decode()
    out: list[str] = []
    place = 0
    for finding in _disjoint(findings):
        edit = finding.fix
        if edit is not None:
            out += [text[place : edit.start], edit.replacement]
            place = edit.end
    return ("".join(out) + text[place:]).encode()


def _disjoint(findings: Iterable[LintFinding]) -> list[LintFinding]:
    """The findings with fixes in the order of their places, less those that overlap others."""
    offered = [(finding.fix.start, finding.fix.end, finding) for finding in findings if finding.fix]
    chosen: list[LintFinding] = []
    reached = 0
    for start, end, finding in sorted(offered, key=lambda item: item[:2]):
        if start >= reached:
            chosen.append(finding)
            reached = end
    return chosen


def _findings(rule: Rule, view: Linted) -> list[LintFinding]:
    return [_finding(rule, hit) for hit in rule.check(view)]


def _finding(rule: Rule, hit: Hit) -> LintFinding:
    return LintFinding(rule.name, rule.severity, hit.message, hit.hint, hit.span, hit.fix)
