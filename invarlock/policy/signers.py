"""Who may sign: a key, or a workflow identity given by globs; and the identity that did.

In a glob `*` stands for any characters but `/`, and every other character for itself. There is no
`**`, so what a rule accepts can be compared exactly (DESIGN section 3). A workflow identity binds
source repository and ref beside the workflow that signed (DESIGN section 6).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from invarlock.policy.shapes import Limits, Node, Tagged

GlobText = Annotated[str, Limits(min_length=1, max_length=256)]
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


def glob_matches(glob: str, text: str) -> bool:
    """Whether all of ``text`` matches ``glob``, in time linear in the product of their lengths."""
    places = {0}
    for character in text:
        places = {
            reached
            for place in _past_stars(glob, places)
            if place < len(glob)
            for reached in _step(glob, place, character)
        }
        if not places:
            return False
    return len(glob) in _past_stars(glob, places)


def _past_stars(glob: str, places: set[int]) -> set[int]:
    """``places``, and what follows the stars they stand at: a star may stand for nothing."""
    found = set(places)
    for place in places:
        end = place
        while end < len(glob) and glob[end] == "*":
            end += 1
            found.add(end)
    return found


def _step(glob: str, place: int, character: str) -> tuple[int, ...]:
    if glob[place] == "*":
        return (place,) if character != "/" else ()
    return (place + 1,) if glob[place] == character else ()


def describe_rule(rule: KeySigner | WorkflowSigner) -> str:
    """The rule in one line: ``key sha256:ab12…`` or ``REPOSITORY by WORKFLOW at REF (ISSUER)``."""
    if isinstance(rule, KeySigner):
        return f"key {rule.key}"
    issuer = re.sub(r"^https://", "", rule.issuer)
    return f"{rule.repository} by {rule.workflow} at {rule.ref} ({issuer})"
