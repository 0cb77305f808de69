"""Policies as documents and plain text: what `policy check, digest` print.

Pure. Every JSON document names its schema and version in ``schema``.
"""

from __future__ import annotations

from collections.abc import Mapping

from invarlock.errors import CODES, InvarlockError
from invarlock.policy.compile import Compiled
from invarlock.policy.diagnostics import (
    Diagnostic,
    PolicyFault,
    diagnostic_json,
    render_text,
)
from invarlock.policy.ir import BarIR

Document = dict[str, object]
Outcome = Compiled | InvarlockError
"""What checking one file came to: valid, or a :class:`PolicyFault`, or it could not be read."""


def check_document(results: Mapping[str, Outcome]) -> Document:
    """``invarlock.policy.check/1``: for each file its diagnostics and, if valid, its digest.

    The ``span`` of a file that could not be read is ``null``.
    """
    files = [_checked_file(name, result) for name, result in results.items()]
    valid = all(isinstance(result, Compiled) for result in results.values())
    return {"schema": "invarlock.policy.check/1", "valid": valid, "files": files}


def _checked_file(name: str, result: Outcome) -> Document:
    if isinstance(result, Compiled | PolicyFault):
        diagnostics = [diagnostic_json(found) for found in _diagnostics(result)]
    else:
        diagnostics = [_unread_json(name, result)]
    return {
        "file": name,
        "valid": isinstance(result, Compiled),
        "policy_digest": result.ir.digest if isinstance(result, Compiled) else None,
        "diagnostics": [
            {**found, "title": CODES[str(found["code"])].title} for found in diagnostics
        ],
    }


def _unread_json(name: str, fault: InvarlockError) -> Document:
    """The fault of a whole file in the form of a diagnostic, which has no place."""
    return {
        "code": fault.code,
        "severity": "error",
        "message": fault.message,
        "hint": fault.hint,
        "file": name,
        "span": None,
        "other": None,
        "other_file": None,
    }


def _diagnostics(result: Compiled | PolicyFault) -> tuple[Diagnostic, ...]:
    return result.warnings if isinstance(result, Compiled) else result.diagnostics


def diagnostics_text(name: str, result: Outcome) -> str:
    """The diagnostics of one file with source lines and carets; empty if there are none."""
    if not isinstance(result, Compiled | PolicyFault):
        return f"{name}: error {result}"
    source = result.source.decode("utf-8", errors="replace")
    found = _diagnostics(result)
    return "\n".join(render_text(each, source, result.includes) for each in found)


def check_line(name: str, result: Outcome) -> str:
    """One line on one file: valid, how many errors, or that it was not read."""
    if isinstance(result, PolicyFault):
        errors = sum(1 for found in result.diagnostics if found.severity == "error")
        return f"{name}: {errors} {'error' if errors == 1 else 'errors'}"
    if not isinstance(result, Compiled):
        return f"{name}: not read"
    tiers, profiles = len(result.tiers), len(result.profiles)
    parts = (_count(tiers, "tier"), _count(profiles, "profile"), _count(len(result.ir.bars), "bar"))
    return f"{name}: valid, " + ", ".join(parts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def digest_document(compiled: Compiled) -> Document:
    """``invarlock.policy.digest/1``: digests of source, policy and every bar."""
    digest, bars = compiled.ir.digests
    return {
        "schema": "invarlock.policy.digest/1",
        "name": compiled.name,
        "version": compiled.version,
        "source_digest": compiled.source_digest,
        "policy_digest": digest,
        "bars": bars,
    }


def digest_text(compiled: Compiled) -> str:
    """The digests of the policy and of every bar, one a line."""
    digest, bars = compiled.ir.digests
    rows = {f"policy {compiled.name} {compiled.version}": digest, **bars}
    return "\n".join(f"{found}  {name}" for name, found in rows.items())


def bar_digest_document(name: str, bar: BarIR) -> Document:
    """``invarlock.policy.bar-digest/1``: the digest of one bar."""
    return {"schema": "invarlock.policy.bar-digest/1", "bar": name, "bar_digest": bar.digest}
