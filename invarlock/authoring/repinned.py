"""What a new pin lets in: the policy that was pinned, out of git, against the one pinned now.

A pin is a digest, and a digest cannot be read. The text behind the old one is looked for in the
history of the repository that the included file lies in. Wherever it is found, it is the right
one: the digest says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from invarlock.authoring.revision import Revision, commits_of
from invarlock.errors import EnvironmentFault, InvarlockError, UsageFault
from invarlock.policy import Compiled, compile_policy
from invarlock.policy.compare import compare_policies
from invarlock.policy.diagnostics import printable
from invarlock.policy.freeze import Repinned
from invarlock.present.policy_compare import Compared, Origin

MAX_COMMITS: Final = 200
"""Commits that are looked at for what was pinned: a second or two, newest first."""


@dataclass(frozen=True, slots=True)
class PinChange:
    """A pin that changed, and what changed behind it where that is known.

    ``unseen`` says why it is not known; empty where it is, or where nothing was pinned before.
    """

    pin: Repinned
    compared: Compared | None = None
    unseen: str = ""


def explain_pin(pin: Repinned, path: Path, new: Compiled) -> PinChange:
    """``pin`` of the policy at ``path``, which is ``new`` now, with a comparison where the history
    still holds what was pinned."""
    if pin.old is None:
        return PinChange(pin)
    try:
        # What it includes has a part in whether it compiles, and may have changed without it.
        commits = commits_of(path.parent, [path.name, *new.includes], MAX_COMMITS)
        for revision in commits:
            old = _policy_in(revision, path.name)
            if old is not None and old.ir.digest == pin.old:
                return PinChange(pin, _compared(path, revision, old, new))
    except InvarlockError as err:
        return PinChange(pin, unseen=printable(err.message))
    number = "last " * (len(commits) == MAX_COMMITS) + str(len(commits))
    return PinChange(pin, unseen=f"it is in none of the {number} commits that changed this file")


def _policy_in(revision: Revision, name: str) -> Compiled | None:
    """The policy ``name`` at that time; ``None`` where there was none, or none without errors."""
    inside = f"./{name}"
    try:
        source = revision.read(inside)
        return compile_policy(source, filename=name, includes=partial(revision.beside, inside))
    except (EnvironmentFault, UsageFault):
        return None


def _compared(path: Path, revision: Revision, old: Compiled, new: Compiled) -> Compared:
    label = printable(str(path))
    before = f"{revision.name}:{printable(revision.prefix + path.name)}"
    return Compared(
        Origin(before, "git", old.ir.digest),
        Origin(label, "policy", new.ir.digest),
        compare_policies(old.ir, new.ir),
    )
