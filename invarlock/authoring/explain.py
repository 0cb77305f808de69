"""What a stable code means, at length: the page ``grammar/explain/CODE.md`` as data.

A page is Markdown: a heading ``# CODE: TITLE``, a paragraph on what it means, and sections under
``##``. Examples stand in fences marked ``invar wrong``, ``invar right`` or ``invar file NAME``
(a file that the others include); ``sh`` instead of ``invar`` where they are commands. Source:
DESIGN section 3.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, cast

from invarlock.data import data_folder
from invarlock.errors import CODES, InternalFault, UsageFault
from invarlock.policy.diagnostics import shown
from invarlock.policy.names import did_you_mean

_SPELT: Final = re.compile(r"\[?(?:invarlock:)?(e\d{3})\]?", re.IGNORECASE)
_FENCE: Final = re.compile(
    r"^```(?:invar|sh) (wrong|right|file) ?(\S*)\n(.*?)^```$", re.DOTALL | re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Example:
    """A policy, or commands, that give the code (``wrong``), that do not (``right``), or a ``file``
    that these include, with its name."""

    kind: Literal["wrong", "right", "file"]
    name: str
    source: str


@dataclass(frozen=True, slots=True)
class Page:
    """The page of one code. ``text`` is the whole of it, Markdown; ``sections`` maps headings to
    what stands under them, the first under the empty heading."""

    code: str
    title: str
    text: str
    sections: tuple[tuple[str, str], ...]
    examples: tuple[Example, ...]


def explain(word: str) -> Page:
    """The page of the code that ``word`` spells: ``E106``, ``e106``, ``[INVARLOCK:E106]``.

    Raises :class:`UsageFault` E701 where there is no such code, :class:`InternalFault` E901 where
    the installation lacks the page.
    """
    match = _SPELT.fullmatch(word.strip())
    code = match[1].upper() if match else word.strip().upper()
    if code not in CODES:
        # A slip in the last digits is likelier than one in the first, which names the area.
        near = [known for known in CODES if known[:2] == code[:2]] or CODES
        hint = did_you_mean(code, near, "`invarlock policy explain` lists all codes")
        raise UsageFault("E701", f"there is no code `{shown(word)}`", hint)
    try:
        text = (data_folder("grammar") / "explain" / f"{code}.md").read_text("utf-8")
    except OSError as err:
        raise InternalFault("E901", f"the page of `{code}` is missing", "install again") from err
    return read_page(code, text)


def read_page(code: str, text: str) -> Page:
    """The page of ``code`` whose Markdown is ``text``."""
    heading, _, body = text.partition("\n")
    title = heading.removeprefix(f"# {code}: ")
    examples = tuple(
        Example(cast("Literal['wrong', 'right', 'file']", kind), name, source)
        for kind, name, source in _FENCE.findall(text)
    )
    return Page(code, title, text, tuple(_sections(body.splitlines())), examples)


def _sections(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    heading, held, fenced = "", list[str](), False
    for line in lines:
        fenced ^= line.startswith("```")
        if line.startswith("## ") and not fenced:
            yield heading, "\n".join(held).strip()
            heading, held = line.removeprefix("## "), []
        else:
            held.append(line)
    yield heading, "\n".join(held).strip()


def page_document(page: Page) -> dict[str, object]:
    """``invarlock.policy.explain/1``: the page, in parts."""
    return {
        "schema": "invarlock.policy.explain/1",
        "code": page.code,
        "title": page.title,
        "remedy": CODES[page.code].remedy,
        "sections": [{"heading": heading, "text": text} for heading, text in page.sections],
        "examples": [
            {"kind": example.kind, "file": example.name or None, "source": example.source}
            for example in page.examples
        ],
    }


def list_document() -> dict[str, object]:
    """``invarlock.policy.codes/1``: every code with its title and remedy."""
    codes = [{"code": k, "title": c.title, "remedy": c.remedy} for k, c in sorted(CODES.items())]
    return {"schema": "invarlock.policy.codes/1", "codes": codes}


def list_text() -> str:
    """Every code with its title, one a line."""
    return "\n".join(f"{code}  {CODES[code].title}" for code in sorted(CODES))
