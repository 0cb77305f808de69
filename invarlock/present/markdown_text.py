"""Text of anyone's making inside Markdown: shown as it is, never as markup (GFM).

A policy's texts, names and comments come from its writer, and the page is read by others: they
may not become links, images, mentions, HTML or another table row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from invarlock.policy.diagnostics import printable

# What begins markup anywhere in a line, a link in plain text (`://`, `www.`), or a block at its
# start. The rest is left alone, so that the page reads well as text too.
_MARKUP: Final = re.compile(r"([\\`*_\[\]<>|~&#$@]|:(?=//)|(?<=\bwww)\.)", re.IGNORECASE)
_START: Final = re.compile(r"^([-+=]|\d+(?=[.)](?:\s|$)))")
_RUNS: Final = re.compile(r"`+")


def inline(text: str) -> str:
    """``text`` as plain words of a paragraph or table cell."""
    escaped = _MARKUP.sub(r"\\\1", printable(" ".join(text.split())))
    if start := _START.match(escaped):
        end = start.end() if start[0][0].isdigit() else 0
        escaped = f"{escaped[:end]}\\{escaped[end:]}"
    # A mention is found after escapes are gone; a comment keeps its sign and its name apart.
    return escaped.replace("\\@", "\\@<!-- -->")


def code(text: str) -> str:
    """``text`` as a code span, for a paragraph or a table cell."""
    shown = printable(text)
    if "\\|" in shown or not shown.strip():
        # In a table a backslash would free the pipe that the next one holds: signs as entities.
        signs = (c if c.isalnum() or c == " " else f"&#{ord(c)};" for c in shown)
        return f"<code>{''.join(signs)}</code>"
    shown = shown.replace("|", "\\|")
    fence = "`" * (_longest(shown) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def block(lines: Iterable[str]) -> str:
    """``lines`` as a fenced block of plain text, blanks kept."""
    body = [printable(line) for line in lines]
    fence = "`" * max(3, _longest("\n".join(body)) + 1)
    return "\n".join([fence + "text", *body, fence])


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    lines = (heads, ["---"] * len(heads), *rows)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _longest(text: str) -> int:
    return max((len(run) for run in _RUNS.findall(text)), default=0)
