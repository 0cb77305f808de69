"""The documents of a log, whatever its kind, and the digest of all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from invarlock.canonical import Json
from invarlock.errors import SafetyRefusal
from invarlock.evidence.model import Int64s
from invarlock.evidence.schema import Digest
from invarlock.measure.fixed import to_nano
from invarlock.measure.lines import JsonLines

MAX_LINE: Final = 16 << 20
"""Cap of one line in bytes."""
MAX_ITEMS: Final = 1_000_000
MAX_LABEL: Final = 128
_LINES: Final = JsonLines(
    "log", "mend or remove the line; both logs alike", MAX_LINE, MAX_ITEMS, depth=32
)
_SAFE: Final = 2**53 - 1


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """One document of a log.

    Attributes:
        line: where it stands, counted from 1.
        content: digest of all that both arms must have alike.
        id: the id of its window: of the token ids where there are some, else ``content``.
        document: its name, unique in the log.
        slice: the slice it belongs to.
        tokens: token ids, empty where the log has none.
        loss: log-loss of every row in 1e-9 nats.
        answer: the row that is right, where rows are choices.
        sizes: bytes in UTF-8 of each choice, where rows are choices.
    """

    line: int
    content: Digest
    id: Digest
    document: str
    slice: str | None
    tokens: tuple[int, ...]
    loss: Int64s
    answer: int | None = None
    sizes: tuple[int, ...] | None = None


Parse = Callable[[dict[str, Json], int], Item]
"""Makes an item of a line. Raises :class:`ValueError` saying what is wrong with it."""


def read_items(path: Path, parse: Parse) -> tuple[Item, ...]:
    """All documents of a log, in its order.

    Raises :class:`SafetyRefusal` E003 naming a line that is no strict JSON object of its kind, or
    that names a document twice; :class:`EnvironmentFault` E601 when there is no file.
    """
    items: list[Item] = []
    seen: dict[str, int] = {}
    for number, line in _LINES.lines(path):
        item = _item(line, number, parse)
        if item.document in seen:
            raise _LINES.broken(number, f"names the document of line {seen[item.document]} again")
        seen[item.document] = number
        items.append(item)
    if not items:
        raise SafetyRefusal("E003", "the log has no lines", "give one document a line")
    return tuple(items)


def log_losses(likelihoods: Sequence[float]) -> Int64s:
    """Log-losses in 1e-9 nats from log-likelihoods; NaN and infinities are flagged.

    Raises :class:`ValueError` for one above zero: it is the logarithm of no probability.
    """
    values = np.array(likelihoods, dtype=np.float64)
    if bool(np.any(values > 0)):
        raise ValueError("has a log-likelihood above zero")
    return to_nano(np.where(values == 0, 0.0, -values))


def exact(value: Json) -> Json:
    """``value`` with numbers that have no canonical form in their shortest textual one."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, dict):
        return {key: exact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [exact(item) for item in value]
    if isinstance(value, int) and -_SAFE <= value <= _SAFE:
        return value
    return {"number": repr(value)}


def label(value: Json, what: str) -> str | None:
    """A name that may stand in a report: short and printable. Raises :class:`ValueError`."""
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= MAX_LABEL:
        raise ValueError(f"has a {what} that is not 1 to {MAX_LABEL} printable characters")
    return value


def _item(line: bytes, number: int, parse: Parse) -> Item:
    value = _LINES.parse(line, number)
    try:
        return parse(value, number)
    except ValueError as err:
        raise _LINES.broken(number, str(err)) from err
