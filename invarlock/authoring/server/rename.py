"""Renames a tier, profile, signer or include in all places of the document."""

from __future__ import annotations

import re
from typing import Final

from invarlock.authoring.server.analysis import Analysis
from invarlock.authoring.server.answers import Change, Location
from invarlock.authoring.server.names import Occurrence, declared
from invarlock.authoring.server.navigation import same
from invarlock.authoring.server.words import KEYWORDS, measure_named
from invarlock.errors import UsageFault
from invarlock.policy.catalogue import SETTINGS
from invarlock.policy.diagnostics import shown

_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")


def renameable(analysis: Analysis, offset: int) -> Location:
    """The name at ``offset``. Raises :class:`UsageFault` E701 where nothing can be renamed."""
    name = _name(analysis, offset)
    return Location(name.start, name.end)


def rename(analysis: Analysis, offset: int, new: str) -> tuple[Change, ...]:
    """The changes that give the name at ``offset`` the name ``new``, in the order of the text.

    Raises :class:`UsageFault` E701 where nothing can be renamed, or not so.
    """
    name = _name(analysis, offset)
    if _NAME.fullmatch(new) is None or new in KEYWORDS:
        message = f"`{shown(new)}` is no name for a {name.kind}"
        hint = "use lowercase letters, digits and `_`, and no word of the language"
        raise UsageFault("E701", message, hint)
    if new != name.name and new in declared(analysis.names, name.kind):
        message = f"the {name.kind} `{shown(new)}` exists already"
        raise UsageFault("E701", message, "choose another name")
    return tuple(
        Change(found.start, found.end, new) for found in analysis.names if same(found, name)
    )


def _name(analysis: Analysis, offset: int) -> Occurrence:
    name = analysis.name(offset)
    if name is None:
        raise _refusal(analysis, offset)
    if name.kind == "foreign":
        read = analysis.included(name.alias)
        where = f"`{read[0]}`" if read else "an included file"
        message = f"the tier `{shown(name.name)}` belongs to {where}, which others may include"
        raise UsageFault("E701", message, "rename it there, then mend each file that refines it")
    if name.name not in declared(analysis.names, name.kind):
        message = f"the {name.kind} `{shown(name.name)}` is not declared in this file"
        raise UsageFault("E701", message, "declare it first")
    return name


def _refusal(analysis: Analysis, offset: int) -> UsageFault:
    statement = analysis.statement(offset)
    token = next((t for t in statement.tokens if t.start <= offset <= t.end), None)
    word = "" if token is None else token.text
    if word in KEYWORDS:
        return UsageFault("E701", f"`{word}` is a word of the language", "it cannot be renamed")
    block = "" if statement.block is None else f"{statement.block.kind}."
    if measure_named(word) is not None or {word, block + word} & SETTINGS.keys():
        return UsageFault("E701", f"`{word}` is a word of the catalogue", "it cannot be renamed")
    hint = "put the cursor on a tier, profile, signer or include"
    return UsageFault("E701", "nothing here can be renamed", hint)
