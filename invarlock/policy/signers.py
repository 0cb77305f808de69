"""Who may sign: a key, or a workflow identity given by globs; and the identity that did.

In a glob `*` stands for any characters but `/`, and every other character for itself. There is no
`**`, so what a rule accepts can be compared exactly (DESIGN section 3). A workflow identity binds
source repository and ref beside the workflow that signed (DESIGN section 6).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import Annotated, Final, Literal

from invarlock.errors import Inconclusive
from invarlock.policy.shapes import Limits, Node, Tagged

GlobText = Annotated[str, Limits(min_length=1, max_length=256)]
_PAIRS: Final = 64 * 64
"""Rules that one file can declare, in pairs."""
KeyDigest = Annotated[str, Limits(pattern=r"^sha256:[0-9a-f]{64}$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySigner(Node):
    """A public key, by sha256 of its DER SubjectPublicKeyInfo (RFC 5280 section 4.1)."""

    kind: Literal["key"] = "key"
    key: KeyDigest


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowSigner(Node):
    """A keyless identity: four globs, all of which must match."""

    kind: Literal["workflow"] = "workflow"
    repository: GlobText
    workflow: GlobText
    ref: GlobText
    issuer: GlobText


SignerRule = Annotated[KeySigner | WorkflowSigner, Tagged("kind")]
"""What a policy allows. Without globs it is an identity: what a verifier observed."""


def accepts(rule: KeySigner | WorkflowSigner, identity: KeySigner | WorkflowSigner) -> bool:
    """Whether ``rule`` allows ``identity``, whose texts are taken literally."""
    if isinstance(rule, KeySigner):
        return isinstance(identity, KeySigner) and rule.key == identity.key
    if isinstance(identity, KeySigner):
        return False
    return all(
        glob_matches(getattr(rule, part), getattr(identity, part))
        for part in ("repository", "workflow", "ref", "issuer")
    )


@lru_cache(maxsize=_PAIRS)
def covers(wide: KeySigner | WorkflowSigner, narrow: KeySigner | WorkflowSigner) -> bool:
    """Whether the rule ``wide`` allows everyone whom the rule ``narrow`` allows.

    Exact for one rule in one rule: where ``narrow`` has a star, ``wide`` must have one that takes
    it, and a character that stands in no glob tells whether it does.
    """
    if isinstance(wide, KeySigner) or isinstance(narrow, KeySigner):
        return wide == narrow
    return all(
        _glob_covers(getattr(wide, part), getattr(narrow, part))
        for part in ("repository", "workflow", "ref", "issuer")
    )


def _glob_covers(wide: str, narrow: str) -> bool:
    foreign = next(char for char in map(chr, count()) if char not in f"*/{wide}{narrow}")
    return glob_matches(wide, narrow.replace("*", foreign))


class Budget:
    """What comparing signers may still cost, over all comparisons that share it."""

    def __init__(self, steps: int = 200_000) -> None:
        self.steps = steps

    def spend(self, steps: int) -> None:
        """Take ``steps``. Raises :class:`Inconclusive` E136 where they are not left."""
        self.steps -= steps
        if self.steps < 0:
            raise too_large()


def too_large() -> Inconclusive:
    """The error of globs that cannot be compared in bounded time."""
    return Inconclusive(
        "E136", "the globs of `signature.by` are too large to compare", "write fewer stars"
    )


def glob_matches(glob: str, text: str) -> bool:
    """Whether all of ``text`` matches ``glob``, in linear time: a star takes the least it can."""
    wanted, found = glob.split("/"), text.split("/")
    return len(wanted) == len(found) and all(map(_step_matches, wanted, found))


def _step_matches(glob: str, text: str) -> bool:
    """As :func:`glob_matches`, for what stands between two `/`."""
    first, *pieces = glob.split("*")
    if not pieces:
        return text == first
    last = pieces.pop()
    place, end = len(first), len(text) - len(last)
    if place > end or not text.startswith(first) or not text.endswith(last):
        return False
    for piece in pieces:
        at = text.find(piece, place, end)
        if at < 0:
            return False
        place = at + len(piece)
    return True


def describe_rule(rule: KeySigner | WorkflowSigner) -> str:
    """The rule in one line: ``key sha256:ab12…`` or ``REPOSITORY by WORKFLOW at REF (ISSUER)``."""
    if isinstance(rule, KeySigner):
        return f"key {rule.key}"
    issuer = re.sub(r"^https://", "", rule.issuer)
    return f"{rule.repository} by {rule.workflow} at {rule.ref} ({issuer})"
