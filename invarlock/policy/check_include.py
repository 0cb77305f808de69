"""Checks ``include`` statements: where the file may lie, and what it is called here."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from typing import Final

from invarlock.policy.checked import PlacedInclude
from invarlock.policy.diagnostics import shown
from invarlock.policy.problems import Problem, Problems
from invarlock.policy.syntax import Include

_MAX_PATH: Final = 256
_HINT: Final = "name a file beside or below this one, such as `house.invar`"


def check_include(
    statement: Include, file: str, earlier: dict[str, PlacedInclude]
) -> PlacedInclude:
    """The include in ``statement`` of ``file``, whose other includes are ``earlier`` by alias.

    Raises :class:`Problem` E101, E105 or E124.
    """
    alias, path = statement.alias, statement.path
    if "." in alias.text:
        message = "what is included needs a plain name"
        raise Problem("E101", message, 'write `include "FILE" as NAME`', alias.span)
    if alias.text in earlier:
        message = f"`{shown(alias.text)}` is included twice"
        hint = "rename or remove one of the two"
        raise Problem("E105", message, hint, alias.span, earlier[alias.text].alias.span)
    fault = path_fault(path.text)
    if fault is not None:
        raise Problem("E124", f"the path `{shown(path.text)}` {fault}", _HINT, path.span)
    target = posixpath.join(posixpath.dirname(file), path.text)
    twin = next((other for other in earlier.values() if other.target == target), None)
    if twin is not None:
        message = f"`{shown(path.text)}` is included as `{twin.alias.text}` already"
        raise Problem("E105", message, "keep one of the two", path.span, twin.path.span)
    return PlacedInclude(path, target, statement.digest, alias, statement.span)


def warn_unused(
    includes: Mapping[str, PlacedInclude], refined: Iterable[str], problems: Problems
) -> None:
    """Warn (E122) of every include of which no tier is among those ``refined``."""
    used = {name.partition(".")[0] for name in refined if "." in name}
    for alias, placed in includes.items():
        if alias not in used:
            message = f"no tier refines one of `{shown(alias)}`"
            hint = f"write `tier NAME refines {shown(alias)}.TIER {{ … }}`, or remove it"
            problems.warn("E122", message, hint, placed.span)


def path_fault(path: str) -> str | None:
    """Why ``path`` is no plain path to a file beside or below, with ``/`` between its steps;
    ``None`` where it is one."""
    if not path or len(path) > _MAX_PATH:
        return "is empty" if not path else f"has more than {_MAX_PATH} characters"
    if path.startswith("/") or path[1:2] == ":":
        return "is absolute"
    if "\\" in path or not path.isprintable():
        return "holds a character that is not portable"
    steps = path.split("/")
    if ".." in steps:
        return "leaves the folder"
    if "." in steps or "" in steps:
        return "is not in its plain form"
    return None
