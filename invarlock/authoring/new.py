"""A starting policy for a task: complete, in the house style, and tested from the first line. Each
of its bars can be run, and its tests notice every gate that is weakened.

Its numbers are those of the standard policy's balanced tier; a comment says so, and asks for
better ones.
"""

from __future__ import annotations

import re
from typing import Final

from invarlock.authoring.starters import STARTERS, starter
from invarlock.errors import UsageFault
from invarlock.policy.catalogue import TASKS
from invarlock.policy.diagnostics import shown
from invarlock.policy.names import one_of

_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
_OTHER: Final = re.compile(r"[^a-z0-9]+")
_LONGEST: Final = 64

BAR: Final = "balanced+ci"
"""The bar of a starting policy that is for a release."""


def starting_policy(task: str, name: str) -> str:
    """The source of a new policy. Raises :class:`UsageFault` E701 on an unknown task or a name
    that the language does not allow."""
    if task not in STARTERS:
        message = f"no starting policy for the task `{shown(task)}`"
        raise UsageFault("E701", message, f"write {one_of(TASKS)}")
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        hint = f"use 1 to {_LONGEST} lowercase letters, digits and `_`, a letter first"
        raise UsageFault("E701", f"`{shown(name)}` is no name of a policy", hint)
    return starter(task).replace("NAME", name, 1)


def name_from(stem: str) -> str:
    """A name for the policy in a file of this stem; ``my_policy`` where it suggests none."""
    found = _OTHER.sub("_", stem.lower()).strip("_")[:_LONGEST]
    return found if _NAME.fullmatch(found) else "my_policy"
