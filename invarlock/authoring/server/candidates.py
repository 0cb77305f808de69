"""What might mend a finding, read from its hint: replacements, insertions and removals."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Final

from invarlock.authoring.server.analysis import Analysis, outcome
from invarlock.authoring.server.answers import Change, Finding
from invarlock.policy.compile import Compiled
from invarlock.policy.lex import tokens

Candidate = tuple[str, Change]
"""A title, and the change to try."""

# Placeholders of a hint, `…` and words in capitals, are nothing to write.
_REPLACE: Final = re.compile(r"(?:did you mean|write) `([^`…A-Z]+)`")
_ADD: Final = re.compile(r"^add `([^`…A-Z]+)`")
_REMOVABLE: Final = frozenset({"E105", "E119", "E122"})


def candidates(analysis: Analysis, finding: Finding) -> Iterator[Candidate]:
    """Changes worth trying for ``finding``, the likeliest first."""
    meant = _REPLACE.search(finding.hint)
    if meant is not None:
        yield from _replacements(analysis, finding, meant[1])
    yield from _by_hint(analysis, finding)
    if finding.code == "E123":
        yield from _pins(analysis, finding)
    if finding.code in _REMOVABLE:
        yield "remove the statement", _removal(analysis, finding.start)


def _replacements(analysis: Analysis, finding: Finding, meant: str) -> Iterator[Candidate]:
    title = f"replace by `{meant}`"
    yield title, Change(finding.start, finding.end, meant)
    words = [
        (finding.start + token.start, finding.start + token.end, token.text)
        for token in tokens(analysis.text[finding.start : finding.end])
        if token.text.strip()
    ]
    words.sort(key=lambda word: -SequenceMatcher(None, word[2], meant).ratio())
    for start, end, _ in words:
        yield title, Change(start, end, meant)
    # Inside `windows { … }` a setting is written without its prefix.
    short = meant.rpartition(".")[2]
    if short != meant:
        for start, end, _ in words[:1]:
            yield f"replace by `{short}`", Change(start, end, short)


def _by_hint(analysis: Analysis, finding: Finding) -> Iterator[Candidate]:
    written = analysis.text[finding.start : finding.end]
    hint = finding.hint
    added = _ADD.match(hint)
    if hint == "write it without quotes":
        yield "remove the quotes", Change(finding.start, finding.end, written.strip('"'))
    elif hint.startswith(("remove `on", "remove `in")):
        yield _without_target(analysis, finding)
    elif hint.startswith('end it with `"`'):
        yield "close the string", Change(finding.end, finding.end, '"')
    elif finding.code == "E115" and hint.startswith("remove it"):
        yield "remove the character", Change(finding.start, finding.start + 1, "")
    elif hint == "add the missing `}`":
        end = len(analysis.text)
        gap = "" if analysis.text.endswith("\n") else "\n"
        yield "add the missing `}`", Change(end, end, gap + "}\n")
    elif added is not None:
        yield from _insertions(analysis, finding, added[1])


def _without_target(analysis: Analysis, finding: Finding) -> Candidate:
    """The finding's stretch taken out with the ``on`` or ``in`` before it, which the compiler's
    span leaves out."""
    before = [t for t in analysis.statement(finding.start).tokens if t.end <= finding.start]
    start = before[-1].start if before and before[-1].text in {"on", "in"} else finding.start
    removed = analysis.text[start : finding.end]
    start = len(analysis.text[:start].rstrip(" \t"))
    return f"remove `{removed}`", Change(start, finding.end, "")


def _insertions(analysis: Analysis, finding: Finding, added: str) -> Iterator[Candidate]:
    """``added`` on a line of its own after the statement concerned, or as the first of its
    block."""
    statement = analysis.statement(finding.start)
    if statement.opens:
        place = statement.end + 1
        yield f"add `{added}`", Change(place, place, f"\n  {added}")
    else:
        end = statement.tokens[-1].end if statement.tokens else statement.end
        yield f"add `{added}`", Change(end, end, f"\n{added}")


def _pins(analysis: Analysis, finding: Finding) -> Iterator[Candidate]:
    """The policy digest that the included file has now."""
    statement = analysis.statement(finding.start)
    path, read = statement.after("include"), analysis.include_at(statement)
    if path is None or read is None:
        return
    found = outcome(read[1], filename=read[0], reader=analysis.reader_from(read[0]))
    if not isinstance(found, Compiled):
        return
    old = next((token for token in statement.tokens if token.type == "DIGEST"), None)
    if old is not None:
        yield "pin the file as it is now", Change(old.start, old.end, found.ir.digest)
    else:
        yield "pin the file as it is now", Change(path.end, path.end, f" {found.ir.digest}")


def _removal(analysis: Analysis, offset: int) -> Change:
    """The statement at ``offset`` taken out: with its line where it stands there alone, with its
    separator otherwise."""
    text, statement = analysis.text, analysis.statement(offset)
    start = statement.tokens[0].start if statement.tokens else statement.start
    end = statement.tokens[-1].end if statement.tokens else statement.end
    if statement.opens:
        end = _block_end(analysis, offset)
    line_start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", end)
    line_end = len(text) if line_end < 0 else line_end + 1
    if not text[line_start:start].strip() and not text[end:line_end].strip():
        return Change(line_start, line_end, "")
    rest = re.compile(r"[ \t]*;[ \t]*").match(text, end)
    return Change(start, end if rest is None else rest.end(), "")


def _block_end(analysis: Analysis, offset: int) -> int:
    """The end of the block whose head stands at ``offset``."""
    head = analysis.statement(offset)
    inside = [s for s in analysis.statements if s.block is head]
    end = inside[-1].end if inside else head.end
    return min(end + 1, len(analysis.text))
