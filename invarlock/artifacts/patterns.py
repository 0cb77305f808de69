"""Which modules a list in ``quantization_config`` names, told by their names alone.

An entry is the name of a module, the name of a class, or ``re:`` and a regular expression that the
start of a name matches (``compressed_tensors.utils.match``). Expressions come from the model, so
that only those are read that can be matched in time linear in the name: characters, ``.``, ``.*``
and ``\\.``, with ``^`` before and ``$`` behind.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from glob import escape
from typing import Final

from invarlock.canonical import Json

_EXPRESSION: Final = "re:"
_READ: Final = re.compile(r"\^?((?:[\w-]|\\\.|\.\*?)*)(\$?)", re.ASCII)
_WORDS: Final = re.compile(r"\\\.|\.\*|.")
_TURNED: Final = {"\\.": ".", ".*": "*", ".": "?"}
_LINEAR: Final = "Linear"
"""The class of all weights that have a decoder."""


def patterns_of(value: Json) -> tuple[str, ...] | None:
    """The entries of ``value`` as ``fnmatch`` has them; None where one is not understood."""
    if not isinstance(value, list):
        return None if value is not None else ()
    found = [_pattern(entry) for entry in value]
    return tuple(one for one in found if one is not None) if None not in found else None


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether one of ``patterns`` is that of the module ``name``."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _pattern(entry: Json) -> str | None:
    if not isinstance(entry, str) or not entry:
        return None
    if entry == _LINEAR:
        return "*"
    if not entry.startswith(_EXPRESSION):  # of other classes it is not known what is one
        return None if entry[0].isupper() and "." not in entry else escape(entry)
    read = _READ.fullmatch(entry.removeprefix(_EXPRESSION))
    if read is None:
        return None
    turned = "".join(_TURNED.get(word, word) for word in _WORDS.findall(read[1]))
    return turned if read[2] else f"{turned}*"
