"""What a misspelled word was probably meant to be."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_CUTOFF: Final = 0.6
_LONGEST: Final = 80


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """A hint naming the nearest of ``known``, or ``otherwise`` when none is near."""
    from difflib import get_close_matches  # only a policy with an error pays for it

    near = get_close_matches(word[:_LONGEST], sorted(known), n=1, cutoff=_CUTOFF)
    return f"did you mean `{near[0]}`?" if near else otherwise


def one_of(words: Iterable[str]) -> str:
    """``one of `a`, `b```."""
    listed = [f"`{word}`" for word in words]
    return listed[0] if len(listed) == 1 else "one of " + ", ".join(listed)
