"""Level `bound`: the documents and slices of the windows are those of the data file.

The data's digest is signed, so that who has the file can see for himself which documents it holds
and to which slice each belongs. That a window's tokens are its document's takes the tokenizer, and
is for level `reproduced`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from invarlock.artifacts.regular import open_file
from invarlock.canonical import StrictJsonError, strict_json
from invarlock.errors import EnvironmentFault, VerificationFault
from invarlock.evidence.model import Evidence
from invarlock.evidence.schema import Digest
from invarlock.verify.result import Finding, Level, refusal_of, refused

MAX_LINE: Final = 64 << 20
_SHOWN: Final = 8
"""Windows that are named one by one."""
_LEVEL: Final = Level.BOUND
_HINT: Final = "do not deploy; ask the producer"

Slices = dict[str, str | None]
"""The slice of every document, by its id."""


def check_documents(path: Path, evidence: Evidence) -> Iterator[Finding]:
    """Every window's document stands in the data file, and its slice is the one given there.

    ``path`` has the digest that was signed. Raises :class:`EnvironmentFault` where it cannot be
    read; a file that a loader would refuse is a finding.
    """
    try:
        slices, digest = read_slices(path)
    except VerificationFault as err:
        yield refusal_of(_LEVEL, err)
        return
    signed = evidence.header.data.digest
    if digest != signed:
        what = f"the data file `{path}` changed while it was read"
        yield refused(_LEVEL, "E403", what, found=digest, expected=signed)
    counted = evidence.header.data.documents
    if counted != len(slices):
        yield refused(
            *(_LEVEL, "E404", "`data.documents` is not the number of documents in the data file"),
            found=str(counted),
            expected=str(len(slices)),
        )
    wrong = [
        (at, window)
        for at, window in enumerate(evidence.windows)
        if slices.get(window.document, _ABSENT) != window.slice
    ]
    for at, window in wrong[:_SHOWN]:
        there = slices.get(window.document, _ABSENT)
        yield refused(
            *(_LEVEL, "E404", f"window {at}: document `{window.document}`, its slice"),
            found=_shown(window.slice),
            expected="(no such document)" if there is _ABSENT else _shown(there),
        )
    if len(wrong) > _SHOWN:
        what = f"{len(wrong) - _SHOWN} more windows whose slice is not the data file's"
        yield refusal_of(_LEVEL, VerificationFault("E404", what, _HINT))


def read_slices(path: Path) -> tuple[Slices, Digest]:
    """The slice of every document of a data file, which may hold any task's documents, and the
    digest of the very bytes that said so.

    Raises :class:`VerificationFault` E405 for a file that no evaluation would have read.
    """
    found: Slices = {}
    digest = hashlib.sha256()
    try:
        with open_file(path) as file:
            number = 0
            while line := file.readline(MAX_LINE + 1):
                number += 1
                digest.update(line)
                name, label = _document(line, number)
                if name in found:
                    raise _broken(number, "repeats an id")
                found[name] = label
    except OSError as err:
        raise EnvironmentFault("E602", f"cannot read the data `{path}`", "check --data") from err
    return found, "sha256:" + digest.hexdigest()


def _document(line: bytes, number: int) -> tuple[str, str | None]:
    try:
        value = strict_json(line, max_bytes=MAX_LINE)
    except StrictJsonError as err:
        raise _broken(number, f"is not strict json: {err}") from err
    if not isinstance(value, dict):
        raise _broken(number, "is not a json object")
    name, label = value.get("id"), value.get("slice")
    if not isinstance(name, str | None) or not isinstance(label, str | None):
        raise _broken(number, "has an `id` or a `slice` that is no text")
    return name or f"line:{number}", label


def _broken(number: int, reason: str) -> VerificationFault:
    shown = reason.encode("unicode_escape").decode("ascii")[:200]
    return VerificationFault("E405", f"line {number} of the data {shown}", _HINT)


def _shown(label: str | None) -> str:
    return "(none)" if label is None else label


_ABSENT: Final = "\x00"
"""No slice: printable is every one that data can give."""
