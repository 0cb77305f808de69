"""Single windows of a run, each with the audit path that ties it to the signed root. Pure.

A disclosure is a folder: ``disclosure.json``, the evidence header as it was signed, and for each
window the bytes of its leaf (:mod:`invarlock.evidence.leaves`). The root does not say how many
leaves are under it, and one path can fit trees of several sizes; so the number comes from the
header, whose digest the statement names beside the root.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from pydantic import Field

from invarlock.canonical import NON_FINITE, canonical_bytes, digest_bytes
from invarlock.errors import UsageFault, VerificationFault
from invarlock.evidence.layout import Int64s
from invarlock.evidence.leaves import Leaf, read_leaf, window_leaves
from invarlock.evidence.merkle import includes, inclusion_proof
from invarlock.evidence.model import Evidence
from invarlock.evidence.positions import window_words
from invarlock.evidence.schedule import window_id
from invarlock.evidence.schema import (
    COLUMN_PLACES,
    HEADER_FILE,
    Digest,
    Frozen,
    Header,
    stored_columns,
)
from invarlock.evidence.store import decode_header, planned_windows
from invarlock.evidence.tensors import printable

DISCLOSURE_FILE: Final = "disclosure.json"
MAX_WINDOWS: Final = 4096
_HINT: Final = "do not deploy; ask the producer"


class Place(Frozen):
    """Where a window stands in the schedule, from 0, and its audit path, nearest sibling first."""

    position: int = Field(ge=0)
    path: tuple[Digest, ...] = Field(max_length=64)


class Disclosure(Frozen):
    """What is disclosed of the ``count`` windows of a run, in schedule order."""

    version: Literal["invarlock.disclosure/1"] = "invarlock.disclosure/1"
    count: int = Field(ge=1)
    windows: tuple[Place, ...] = Field(min_length=1, max_length=MAX_WINDOWS)


@dataclass(frozen=True, slots=True)
class Disclosed:
    """A window that was shown to be under the signed root."""

    position: int
    leaf: Leaf


def leaf_file(position: int) -> str:
    """The name of a window's leaf in the folder."""
    return f"leaves/{position}.leaf"


def disclose(evidence: Evidence, header: bytes, positions: Iterable[int]) -> dict[str, bytes]:
    """The files of a disclosure of the windows at ``positions``; ``header`` are the bytes of the
    evidence's header. Raises :class:`UsageFault` E701 for a window that there is not, or none."""
    leaves = window_leaves(evidence)
    chosen = sorted(set(positions))
    if not chosen or not 0 <= chosen[0] <= chosen[-1] < len(leaves):
        hint = f"name windows from 0 to {len(leaves) - 1}"
        raise UsageFault("E701", "no such window in the run", hint)
    if len(chosen) > MAX_WINDOWS:
        raise UsageFault("E701", f"more than {MAX_WINDOWS} windows", "disclose fewer")
    places = tuple(Place(position=at, path=inclusion_proof(leaves, at)) for at in chosen)
    listing = Disclosure(count=len(leaves), windows=places)
    return {
        DISCLOSURE_FILE: canonical_bytes(listing.model_dump(mode="json")),
        HEADER_FILE: header,
        **{leaf_file(at): leaves[at] for at in chosen},
    }


def read_header(data: bytes, signed: Digest) -> tuple[Header, int]:
    """The evidence's header, and how many windows the run has, by it.

    Raises :class:`VerificationFault` E403 where it is not the header that was ``signed``, E405 or
    E407 for one that contradicts itself.
    """
    if digest_bytes(data) != signed:
        what = f"`{HEADER_FILE}` of the disclosure is not the evidence's header that was signed"
        raise VerificationFault("E403", what, "ask the producer")
    header = decode_header(data)
    return header, sum(planned_windows(header))


def check_listing(listing: Disclosure, count: int) -> None:
    """Raise :class:`VerificationFault` E417 for another number of windows than the run has, or
    positions that are out of order, twice there, or beyond the last."""
    if listing.count != count:
        raise _unproven(f"the disclosure counts {listing.count} windows, and the run has {count}")
    positions = [place.position for place in listing.windows]
    if positions != sorted(set(positions)):
        raise _unproven("the disclosure's windows are out of order, or one is there twice")
    if positions[-1] >= count:
        raise _unproven(f"window {positions[-1]} is not one of the run's {count}")


def check_window(place: Place, data: bytes, header: Header, count: int, root: Digest) -> Disclosed:
    """The window at ``place`` whose leaf has the bytes ``data``.

    Raises :class:`VerificationFault` E417 where the path does not lead from this leaf, at this
    position among ``count``, to ``root``; E405 for a leaf that is none of this evidence.
    """
    at = place.position
    steps = path_length(at, count)
    if len(place.path) != steps:
        raise _unproven(f"window {at}: its path has {len(place.path)} steps instead of {steps}")
    if not includes(root, data, at, count, place.path):
        raise _unproven(f"window {at}: no path from these bytes at this place to the signed root")
    leaf = read_leaf(data)
    for fault in _faults(leaf, header):
        raise VerificationFault("E405", f"window {at}: {fault}", _HINT)
    return Disclosed(at, leaf)


def _faults(leaf: Leaf, header: Header) -> Iterator[str]:
    window, task = leaf.window, header.contract.task
    stored = stored_columns(task, header.origin)
    names = [*(f"baseline_{name}" for name in stored.baseline), *stored.subject]
    if list(leaf.columns) != names:
        yield "its columns are not those of the evidence"
    if not all(printable(text) for text in (window.document, window.slice) if text is not None):
        yield "its document or slice is no printable text"
    words = window_words(task, header.contract.windows.content, leaf.positions, window.answer)
    if window.length and window_id(leaf.tokens, words) != window.id:
        yield "id and content differ"


def path_length(position: int, count: int) -> int:
    """How long the audit path of RFC 6962, section 2.1.1, is."""
    steps = 0
    while count > 1:
        split = 1 << (count - 1).bit_length() - 1
        inside = position < split
        position, count = (position, split) if inside else (position - split, count - split)
        steps += 1
    return steps


def _unproven(what: str) -> VerificationFault:
    return VerificationFault("E417", what, "ask the producer")


def sums(leaf: Leaf) -> dict[str, Decimal | None]:
    """The exact sum of each column over the window's rows: losses and KL in nats, Δp in
    probability, agreement in rows that agree; ``None`` where a row is not finite."""
    return {name: _sum(name, column) for name, column in leaf.columns.items()}


def _sum(name: str, column: Int64s) -> Decimal | None:
    if (column == NON_FINITE).any():
        return None
    return Decimal(sum(column.tolist())).scaleb(-COLUMN_PLACES[name.removeprefix("baseline_")])
