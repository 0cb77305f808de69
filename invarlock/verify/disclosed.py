"""Single windows in a partial folder: that they are the signed run's, and what is in them.

What that shows is little, and the result says so: these windows and their numbers are under the
root that was signed. Not that they are typical, nor that the numbers were measured, nor what
follows from all windows: there is no verdict in a few of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from invarlock.attest.parse import parse_model
from invarlock.attest.predicate import Predicate
from invarlock.canonical import decimal_text
from invarlock.errors import EnvironmentFault, InvarlockError
from invarlock.evidence.disclosure import (
    DISCLOSURE_FILE,
    Disclosed,
    Disclosure,
    check_listing,
    check_window,
    leaf_file,
    read_header,
    sums,
)
from invarlock.evidence.schema import HEADER_FILE, Header
from invarlock.verify.result import DisclosedWindow, Finding, Level, refusal_of
from invarlock.verify.run_folder import RunFolder, open_run

MAX_LISTING: Final = 16 << 20
MAX_HEADER: Final = 4 << 20
MAX_LEAF: Final = 64 << 20


def check_disclosed(
    folder: Path, predicate: Predicate, level: Level, findings: list[Finding]
) -> tuple[DisclosedWindow, ...]:
    """The windows in ``folder`` that are under the root in ``predicate``; what is not, or cannot
    be read, joins ``findings``. Raises :class:`EnvironmentFault` for a folder that is absent."""
    shown: list[DisclosedWindow] = []
    with open_run(folder) as opened:
        try:
            listing, header, count = _head(opened, predicate)
        except EnvironmentFault:
            raise
        except InvarlockError as err:
            findings.append(refusal_of(level, err))
            return ()
        for found in _windows(opened, listing, header, count, predicate):
            if isinstance(found, Disclosed):
                shown.append(_told(found))
            else:
                findings.append(refusal_of(level, found))
    return tuple(shown)


def _head(opened: RunFolder, predicate: Predicate) -> tuple[Disclosure, Header, int]:
    listing = parse_model(
        Disclosure,
        opened.read(DISCLOSURE_FILE, MAX_LISTING),
        what=f"`{DISCLOSURE_FILE}`",
        max_bytes=MAX_LISTING,
    )
    data = opened.read(HEADER_FILE, MAX_HEADER)
    header, count = read_header(data, predicate.evidence_digest)
    check_listing(listing, count)
    return listing, header, count


def _windows(
    opened: RunFolder, listing: Disclosure, header: Header, count: int, predicate: Predicate
) -> Iterator[Disclosed | InvarlockError]:
    for place in listing.windows:
        try:
            data = opened.read(leaf_file(place.position), MAX_LEAF)
            yield check_window(place, data, header, count, predicate.merkle_root)
        except EnvironmentFault:
            raise
        except InvarlockError as err:
            yield err


def _told(found: Disclosed) -> DisclosedWindow:
    window = found.leaf.window
    return DisclosedWindow(
        position=found.position,
        id=window.id,
        phase=window.phase,
        document=window.document,
        slice=window.slice,
        tokens=window.length,
        rows=window.rows,
        sums={
            name: None if total is None else decimal_text(total)
            for name, total in sums(found.leaf).items()
        },
    )
