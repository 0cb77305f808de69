"""What must hold for any bytes that are given to the compiler and the formatter.

Used by the tests here and by scripts/fuzz_policy.py. :func:`hold` raises AssertionError, or
whatever went wrong, where it does not.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Mapping

from invarlock.authoring.format import ensure_same, format_source
from invarlock.authoring.lint import fix, lint
from invarlock.canonical import canonical_bytes
from invarlock.errors import CODES
from invarlock.policy import Compiled, Diagnostic, PolicyFault, Span, compile_policy
from invarlock.policy.diagnostics import diagnostic_json, render_text
from invarlock.policy.units import IncludeReader
from tests.conftest import ROOT

MAX_SECONDS = 1.0
"""CPU seconds that one input may take: other work on the machine does not count."""
MAX_GROWTH = 256 << 20
"""Bytes by which the process may grow, over all inputs."""


_FOLDERS = (ROOT / "grammar" / "accept", ROOT / "grammar" / "reject")
PARTS = {
    path.relative_to(folder).as_posix(): path.read_bytes()
    for folder in _FOLDERS
    for path in folder.glob("parts/**/*.invar")
}
"""The files that policies of the corpus include, by path."""
_ROOT = b"""invar 1
policy root "1"
task = causal_lm
include "fuzz.invar" sha256:%s as part
tier t refines part.t { require kl.mean <= 1 }
""" % (b"0" * 64)


def read_part(path: str) -> bytes:
    """An included file of the corpus; for any other path, always the same one."""
    return PARTS.get(path, PARTS["parts/house.invar"])


def seeds() -> list[bytes]:
    """Policies to begin with: the corpus."""
    return [path.read_bytes() for path in sorted((ROOT / "grammar").rglob("*.invar"))]


def peak() -> int:
    """Bytes that this process held at most, so far (Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def hold_growth(before: int) -> None:
    """The process has not grown by more than :data:`MAX_GROWTH` over ``before``."""
    grown = peak() - before
    assert grown <= MAX_GROWTH, f"grown by {grown >> 20} MiB"


def hold(source: bytes) -> Compiled | None:
    """Compile, render what was found, format; the policy if it is valid. Everything is bounded in
    time, and only the errors that are meant for a user come out."""
    start = time.process_time()
    done = _hold_compiled(source, read_part)
    if done is not None:
        canonical_bytes(done.ir.document())
    _check_format(source, done)
    spent = time.process_time() - start
    assert spent <= MAX_SECONDS, f"{spent:.2f} s for {len(source)} bytes"
    return done


def hold_everything(source: bytes) -> None:
    """Compile, format, lint and fix ``source``, and include it in another policy."""
    done = hold(source)
    if done is not None:
        hold_lint(source, done)
    hold_included(source)


def hold_included(source: bytes) -> None:
    """As :func:`hold`, where a policy includes ``source``, whose errors are then its own."""
    _hold_compiled(_ROOT, lambda _: source)


def _hold_compiled(source: bytes, reader: IncludeReader) -> Compiled | None:
    done: Compiled | None = None
    try:
        done = compile_policy(source, filename="fuzz.invar", includes=reader)
        found, parts = done.warnings, done.includes
    except PolicyFault as fault:
        str(fault)
        found, parts = fault.diagnostics, fault.includes
    severities = {diagnostic.severity for diagnostic in found}
    assert (done is None) == ("error" in severities)
    _check_diagnostics(found, {"": source, **parts})
    return done


def _check_diagnostics(found: tuple[Diagnostic, ...], sources: Mapping[str, bytes]) -> None:
    texts = {name: source.decode("utf-8", errors="replace") for name, source in sources.items()}
    rows = {name: text.split("\n") for name, text in texts.items()}
    for diagnostic in found:
        assert diagnostic.code in CODES
        assert diagnostic.message
        assert "\n" not in str(diagnostic)
        for span in (diagnostic.span, diagnostic.other):
            if span is not None:
                _check_span(span, rows[span.file])
        diagnostic_json(diagnostic)
    for diagnostic in found[:3]:
        assert render_text(diagnostic, texts[""], sources).replace("\n", "").isprintable()


def _check_span(span: Span, rows: list[str]) -> None:
    start, end = (span.line, span.column), (span.end_line, span.end_column)
    assert (1, 1) <= start <= end
    for line, column in (start, end):
        assert line <= len(rows)
        assert column <= len(rows[line - 1]) + 1


def _check_format(source: bytes, done: Compiled | None) -> None:
    try:
        formatted = format_source(source, filename="fuzz.invar")
    except PolicyFault:
        assert done is None or len(source) > 1 << 18, "a valid policy cannot be formatted"
        return
    ensure_same(source, formatted, filename="fuzz.invar", includes=read_part)
    assert format_source(formatted, filename="fuzz.invar") == formatted


def hold_lint(source: bytes, done: Compiled) -> None:
    """Findings have a place in ``source``, and mending them all moves no digest."""
    rows = source.decode().split("\n")
    for finding in lint(source, filename="fuzz.invar", includes=read_part):
        _check_span(finding.span, rows)
    fixed = fix(source, filename="fuzz.invar", includes=read_part).source
    assert (
        compile_policy(fixed, filename="fuzz.invar", includes=read_part).ir.digest == done.ir.digest
    )
