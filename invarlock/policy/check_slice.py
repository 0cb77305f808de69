"""Checks the name of a slice: what two readers see alike must be one name."""

from __future__ import annotations

import re
from typing import Final

MAX_SLICE: Final = 64

_WORD: Final = re.compile(r"[^\W\d_]+")
# Scripts with letters that look like those of another one, as character names begin.
_ALIKE: Final = ("ARMENIAN", "CHEROKEE", "COPTIC", "CYRILLIC", "FULLWIDTH", "GREEK", "LATIN")


def slice_fault(name: str) -> tuple[str, str] | None:
    """Why no slice can have ``name``, and what mends it; ``None`` where it can."""
    if not (0 < len(name) <= MAX_SLICE and name.isprintable()):
        return "is empty, too long or not printable", f"use 1 to {MAX_SLICE} characters"
    if name != name.strip():
        return "begins or ends with a blank", "remove the blank"
    return None if name.isascii() else _unlike(name)


def _unlike(name: str) -> tuple[str, str] | None:
    # Large, and needed for a name that is not ASCII only.
    import unicodedata

    if unicodedata.normalize("NFC", name) != name:
        return "is not in its composed form", "write it in Unicode's form NFC"
    for word in _WORD.findall(name):
        firsts = {letter: unicodedata.name(letter, "").partition(" ")[0] for letter in word}
        scripts = sorted(set(firsts.values()).intersection(_ALIKE))
        if len(scripts) > 1:
            odd = next(letter for letter in word if not letter.isascii())
            mixed = " and ".join(script.capitalize() for script in scripts)
            fault = f"mixes letters of {mixed} in one word"
            return fault, f"`{odd}` is U+{ord(odd):04X}; write a word in one script"
    return None
