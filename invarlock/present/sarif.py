"""SARIF 2.1.0, shared by `policy check`, `policy lint` and `policy compare`.

Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html. Columns count characters,
as spans do. Fingerprints rest on what a finding says, not on its line, so that a finding that
moves stays the same finding.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import quote

from invarlock import __version__
from invarlock.errors import CODES, InvarlockError
from invarlock.policy.compile import Compiled
from invarlock.policy.diagnostics import Diagnostic, PolicyFault
from invarlock.policy.span import Span

SCHEMA: Final = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
FINGERPRINT: Final = "invarlock/v1"
"""Name and version of the fingerprint; a change of its recipe changes the version."""

_LINKS: Final = re.compile(r"[\\\[\]]")
_BRACES: Final = str.maketrans({"{": "{{", "}": "}}"})

Level = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class SarifRule:
    """What findings of one kind share. ``level`` is their default; ``help`` is plain text."""

    id: str
    title: str
    help: str
    level: Level = "error"


@dataclass(frozen=True, slots=True)
class SarifPlace:
    """A file, as the user named it, and where in it; without a span, the file as a whole."""

    file: str
    span: Span | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class SarifResult:
    """One finding. ``other`` are further places; ``identity`` tells it from others of its rule:
    texts that stay when the finding moves to another line."""

    rule: str
    level: Level
    message: str
    place: SarifPlace | None = None
    other: tuple[SarifPlace, ...] = ()
    identity: tuple[str, ...] = ()


def sarif_log(rules: Iterable[SarifRule], results: Sequence[SarifResult]) -> dict[str, object]:
    """One SARIF log with one run. Every rule that a result names must be among ``rules``."""
    listed = {rule.id: rule for rule in sorted(rules, key=lambda rule: rule.id)}
    places = {name: position for position, name in enumerate(listed)}
    seen: Counter[str] = Counter()
    driver = {
        "name": "invarlock",
        "semanticVersion": __version__,
        "rules": [_rule(rule) for rule in listed.values()],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(result, places, seen) for result in results],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def diagnostic_results(diagnostics: Iterable[Diagnostic]) -> list[SarifResult]:
    """Diagnostics of policies as results; their rules are :func:`code_rules`."""
    return [
        SarifResult(
            rule=found.code,
            level=found.severity,
            message=found.message + (f"; {found.hint}" if found.hint else ""),
            place=SarifPlace(found.filename, found.span),
            other=()
            if found.other is None
            else (SarifPlace(found.other_filename, found.other, "the other place"),),
            identity=(found.filename, found.message),
        )
        for found in diagnostics
    ]


def check_sarif(outcomes: Mapping[str, Compiled | InvarlockError]) -> dict[str, object]:
    """What checking policies found, by file name; a file that could not be read is a result too."""
    results: list[SarifResult] = []
    for file, outcome in outcomes.items():
        if isinstance(outcome, Compiled):
            results += diagnostic_results(outcome.warnings)
        elif isinstance(outcome, PolicyFault):
            results += diagnostic_results(outcome.diagnostics)
        else:
            message = f"{outcome.message}; {outcome.hint}" if outcome.hint else outcome.message
            place = SarifPlace(file)
            results.append(
                SarifResult(outcome.code, "error", message, place, identity=(file, message))
            )
    return sarif_log(code_rules(results), results)


def code_rules(results: Iterable[SarifResult]) -> list[SarifRule]:
    """The rules of results whose rule is a stable code."""
    return [
        SarifRule(code, CODES[code].title, CODES[code].remedy)
        for code in sorted({result.rule for result in results})
    ]


def _rule(rule: SarifRule) -> dict[str, object]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "help": {"text": rule.help},
        "defaultConfiguration": {"level": rule.level},
    }


def _result(result: SarifResult, places: dict[str, int], seen: Counter[str]) -> dict[str, object]:
    recipe = "\0".join((result.rule, *result.identity))
    digest = hashlib.sha256(recipe.encode("utf-8", "surrogatepass")).hexdigest()
    seen[digest] += 1
    out: dict[str, object] = {
        "ruleId": result.rule,
        "ruleIndex": places[result.rule],
        "level": result.level,
        "message": {"text": _plain(result.message)},
        "partialFingerprints": {FINGERPRINT: f"{digest}:{seen[digest]}"},
    }
    if result.place is not None:
        out["locations"] = [_location(result.place)]
    if result.other:
        out["relatedLocations"] = [
            {"id": number, **_location(place)} for number, place in enumerate(result.other)
        ]
    return out


def _plain(message: str) -> str:
    """``message`` as plain text, without links and placeholders (sections 3.11.5 and 3.11.6)."""
    # A lone brace is doubled; a link's text and backslashes are escaped.
    return _LINKS.sub(r"\\\g<0>", message).translate(_BRACES)


def _location(place: SarifPlace) -> dict[str, object]:
    physical: dict[str, object] = {"artifactLocation": {"uri": _uri(place.file)}}
    if place.span is not None:
        physical["region"] = {
            "startLine": place.span.line,
            "startColumn": place.span.column,
            "endLine": place.span.end_line,
            "endColumn": place.span.end_column,
        }
    location: dict[str, object] = {"physicalLocation": physical}
    if place.note:
        location["message"] = {"text": _plain(place.note)}
    return location


def _uri(file: str) -> str:
    """A file name as a URI reference: absolute ones as ``file:``, others relative."""
    escaped = quote(file.encode("utf-8", "surrogateescape"))
    return f"file://{escaped}" if file.startswith("/") else escaped
