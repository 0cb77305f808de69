"""What a new pin lets in: the policy that was pinned, out of git, against the one pinned now.

A pin is a digest, and a digest cannot be read. The text behind the old one is taken from the last
commit, where a repository holds it and the digest fits.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from invarlock.authoring.revision import open_revision
from invarlock.errors import EnvironmentFault, UsageFault
from invarlock.policy import Compiled, compile_policy, load_policy
from invarlock.policy.compare import compare_policies
from invarlock.policy.diagnostics import printable
from invarlock.policy.freeze import Repinned
from invarlock.present.policy_compare import Compared, Origin

_LAST: Final = "HEAD"


@dataclass(frozen=True, slots=True)
class PinChange:
    """A pin that changed, and what changed behind it where that is known."""

    pin: Repinned
    compared: Compared | None


def explain_pin(pin: Repinned, folder: Path) -> PinChange:
    """``pin``, which stands in a policy in ``folder``, with a comparison where the last commit
    still holds what was pinned."""
    path = folder / pin.path
    old = None if pin.old is None else _committed(path, pin.old)
    if old is None:
        return PinChange(pin, None)
    new = load_policy(path)
    label = printable(str(path))
    compared = Compared(
        Origin(f"{_LAST}:{label}", "git", old.ir.digest),
        Origin(label, "policy", new.ir.digest),
        compare_policies(old.ir, new.ir),
    )
    return PinChange(pin, compared)


def _committed(path: Path, digest: str) -> Compiled | None:
    """The policy at ``path`` in the last commit; ``None`` unless it has this digest."""
    inside = "./" + os.path.relpath(path)
    try:
        revision = open_revision(_LAST)
        source = revision.read(inside)
        reader = partial(revision.beside, inside)
        found = compile_policy(source, filename=f"{_LAST}:{path}", includes=reader)
    except (EnvironmentFault, UsageFault):
        return None  # no repository, no such file in it, or no policy at that time
    return found if found.ir.digest == digest else None
