"""The words that begin a statement, and what a misspelled word was probably meant to be."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from invarlock.policy.catalogue import SETTINGS

STARTERS: Final = ("require", "warn", "include", "given", "expect")
"""Keywords that begin a statement."""
PREFIXES: Final = tuple(sorted({name.split(".")[0] for name in SETTINGS}))
"""Names of the blocks that hold settings: ``windows { length = … }`` sets ``windows.length``."""
BLOCKS: Final = ("tier", "profile", "test", "signer", *PREFIXES)
"""Kinds of blocks."""

_CUTOFF: Final = 0.6
_LONGEST: Final = 80


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """A hint naming the nearest of ``known``, or ``otherwise`` when none is near."""
    near = nearest(word, known)
    return f"did you mean `{near}`?" if near else otherwise


def nearest(word: str, known: Iterable[str]) -> str:
    """The nearest of ``known``; empty when none is near."""
    from difflib import get_close_matches  # only a policy with an error pays for it

    return next(iter(get_close_matches(word[:_LONGEST], sorted(known), n=1, cutoff=_CUTOFF)), "")


def one_of(words: Iterable[str]) -> str:
    """``one of `a`, `b```."""
    listed = [f"`{word}`" for word in words]
    return listed[0] if len(listed) == 1 else "one of " + ", ".join(listed)
