"""Inclusion of signer rules, decided exactly: is everyone whom these allow allowed by those?

A workflow rule is four globs. Written one after the other with a separator that no text holds,
they are one pattern; a set of rules is a finite automaton, and its states a bit mask with one bit
for each place in each pattern. Both sets are read side by side, shortest identities first, over
the characters that occur in a pattern and one that occurs in none (subset construction, bounded by
:data:`MAX_STATES`). Source: DESIGN section 3.
"""

from __future__ import annotations

import string
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final, NamedTuple

from invarlock.policy.ir import Signers
from invarlock.policy.signers import Budget, KeySigner, WorkflowSigner, covers, too_large

MAX_STATES: Final = 8_192
"""Pairs of states looked at before the question is given up as too large (E136)."""
MAX_PLACES: Final = 16_384
"""Characters of all patterns together; more are too large, too (E136)."""
MAX_TEXT: Final = 256
"""Characters of one part of an identity."""

Identity = KeySigner | WorkflowSigner

_PARTS: Final = ("repository", "workflow", "ref", "issuer")
_END: Final = ""
"""The letter that ends each part of a pattern, and of an identity: no character is equal to it."""
_SPARE: Final = string.ascii_lowercase + string.digits + "-._" + string.ascii_uppercase


def includes(parent: Signers, child: Signers, budget: Budget | None = None) -> bool:
    """Whether ``parent`` allows every identity that ``child`` allows.

    Raises :class:`Inconclusive` E136 where the patterns are too large to tell, or what is left of
    ``budget`` is not enough.
    """
    return all(identity is None for identity in outside(parent, child, budget))


def witness(parent: Signers, child: Signers) -> Identity | None:
    """An identity that ``child`` allows and ``parent`` does not, the shortest of its kind.

    ``None`` where there is none. Raises as :func:`includes`.
    """
    return next((identity for identity in outside(parent, child) if identity is not None), None)


def outside(
    parent: Signers, child: Signers, budget: Budget | None = None
) -> tuple[KeySigner | None, WorkflowSigner | None]:
    """One key and one workflow identity that ``child`` allows and ``parent`` does not.

    Raises as :func:`includes`.
    """
    key = next((rule for rule in _keys(child) if rule not in parent.rules), None)
    # What one rule of the parent covers needs no search.
    new = [r for r in _workflows(child) if not any(covers(wide, r) for wide in parent.rules)]
    if not new:
        return key, None
    return key, _workflow_outside(list(_workflows(parent)), new, budget or Budget())


def _keys(signers: Signers) -> Iterator[KeySigner]:
    return (rule for rule in signers.rules if isinstance(rule, KeySigner))


def _workflows(signers: Signers) -> Iterator[WorkflowSigner]:
    return (rule for rule in signers.rules if isinstance(rule, WorkflowSigner))


class _Automaton:
    """The patterns of some rules as one nondeterministic automaton in bit masks."""

    def __init__(self, rules: Iterable[WorkflowSigner]) -> None:
        self.stars = self.accepting = start = 0
        self.literals: dict[str, int] = {}
        place = 0
        for rule in rules:
            start |= 1 << place
            for character in _pattern(rule):
                if character == "*":
                    self.stars |= 1 << place
                else:
                    self.literals[character] = self.literals.get(character, 0) | 1 << place
                place += 1
            self.accepting |= 1 << place
            place += 1
            if place > MAX_PLACES:
                raise too_large()
        self.places = place
        self.start = self._past_stars(start)

    def _past_stars(self, mask: int) -> int:
        return mask | (mask & self.stars) << 1

    def step(self, mask: int, character: str) -> int:
        """The states after ``character``; a star takes all but `/` and the end of a part."""
        stay = 0 if character in {"/", _END} else mask & self.stars
        return self._past_stars(stay | (mask & self.literals.get(character, 0)) << 1)


def _pattern(rule: WorkflowSigner) -> Iterator[str]:
    """The characters of the four globs, each ended; stars that follow stars add nothing."""
    for part in _PARTS:
        before = ""
        for character in getattr(rule, part):
            if character != "*" or before != "*":
                yield character
            before = character
        yield _END


class _Pair(NamedTuple):
    """A state of both automata, and whether the part being read has a character yet."""

    child: int
    parent: int
    begun: bool


def _workflow_outside(
    parent: list[WorkflowSigner], child: list[WorkflowSigner], budget: Budget
) -> WorkflowSigner | None:
    """The shortest workflow identity in ``child`` and not in ``parent``: breadth first."""
    inner, outer = _Automaton(child), _Automaton(parent)
    characters = [_spare(inner, outer), *sorted({*inner.literals, *outer.literals} - {_END})]
    first = _Pair(inner.start, outer.start, begun=False)
    came: dict[_Pair, tuple[_Pair, str] | None] = {first: None}
    waiting = deque([first])
    # A step over many places is one over long masks, and making the automata costs, too.
    places = inner.places + outer.places
    cost = 1 + places // 2_048
    budget.spend(places // 16)
    while waiting:
        pair = waiting.popleft()
        for character in _next_characters(inner, pair, characters):
            budget.spend(cost)
            after = inner.step(pair.child, character)
            if not after:
                continue
            beyond = _Pair(after, outer.step(pair.parent, character), character != _END)
            if beyond in came:
                continue
            came[beyond] = (pair, character)
            if after & inner.accepting and not beyond.parent & outer.accepting:
                return _identity(came, beyond)
            waiting.append(beyond)
        if len(came) > MAX_STATES:
            raise too_large()
    return None


def _next_characters(inner: _Automaton, pair: _Pair, characters: list[str]) -> Iterator[str]:
    """What can follow in the child: no part of an identity is empty."""
    if pair.begun:
        yield _END
    if pair.child & inner.stars:
        yield from characters
    else:
        yield from (c for c in characters if inner.literals.get(c, 0) & pair.child)


def _spare(*automata: _Automaton) -> str:
    """A character that no pattern names, and so stands for all of them."""
    used = {character for automaton in automata for character in automaton.literals}
    # There are more characters from U+10000 on than places in two automata.
    many = (chr(n) for n in range(0x10000, 0x10000 + 2 * MAX_PLACES + 1))
    return next(character for character in chain(_SPARE, many) if character not in used)


def _identity(came: dict[_Pair, tuple[_Pair, str] | None], last: _Pair) -> WorkflowSigner:
    parts: list[str] = []
    at = came[last]
    while at is not None:
        if at[1] == _END:
            parts.append("")
        else:
            parts[-1] = at[1] + parts[-1]
        at = came[at[0]]
    parts.reverse()
    if any(len(part) > MAX_TEXT for part in parts):
        raise too_large()
    repository, workflow, ref, issuer = parts
    return WorkflowSigner(repository=repository, workflow=workflow, ref=ref, issuer=issuer)
