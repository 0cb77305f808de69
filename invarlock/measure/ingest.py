"""Documents from JSON Lines: a strict object a line, what the task asks for, ``id`` and ``slice``.

The file is hostile input. Whatever could be read in two ways is refused with its line number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar

from invarlock.canonical import Json
from invarlock.errors import SafetyRefusal
from invarlock.measure.lines import JsonLines

MAX_LINE: Final = 64 << 20
"""Cap of one line in bytes."""
MAX_DOCUMENTS: Final = 4_000_000
MAX_ID: Final = 256
MAX_SLICE: Final = 128
_ALWAYS: Final = frozenset({"id", "slice"})
LINES: Final = JsonLines("data", "mend or remove the line", MAX_LINE, MAX_DOCUMENTS, depth=8)

C = TypeVar("C")
Made = TypeVar("Made", covariant=True)  # noqa: PLC0105 - a short name for a short protocol


@dataclass(frozen=True, slots=True)
class Document(Generic[C]):
    """One document: a unique ``id`` (``line:N`` when the data give none), what it holds, its
    slice."""

    id: str
    content: C
    slice: str | None


class Malformed(Exception):
    """What is wrong with a line of data, as in "line 3 of the data has no `text` string"."""


class Form(Protocol[Made]):
    """How a task's documents are spelled: the keys of a line beside ``id`` and ``slice``, and what
    is made of them. ``parse`` raises :class:`Malformed`."""

    @property
    def keys(self) -> frozenset[str]:
        """The keys of a line."""

    def parse(self, line: Mapping[str, Json]) -> Made:
        """What the line holds."""


def read_documents(path: Path, form: Form[C]) -> tuple[Document[C], ...]:
    """All documents of the data file, in its order.

    Raises :class:`SafetyRefusal` E003 naming the line that is no strict JSON object of this form,
    is empty, too long, or repeats an id; :class:`EnvironmentFault` E601 when there is no file.
    """
    documents: list[Document[C]] = []
    seen: dict[str, int] = {}
    for number, line in LINES.lines(path):
        document = parse_line(line, number, form)
        if document.id in seen:
            raise LINES.broken(number, f"repeats the id of line {seen[document.id]}")
        seen[document.id] = number
        documents.append(document)
    if not documents:
        raise SafetyRefusal("E003", "the data file has no lines", "give one JSON object a line")
    return tuple(documents)


def parse_line(line: bytes, number: int, form: Form[C]) -> Document[C]:
    """The document of one line, without its newline. Raises :class:`SafetyRefusal` E003."""
    if not line.strip():
        raise LINES.broken(number, "is empty")
    value = LINES.parse(line, number)
    unknown = sorted(set(value) - form.keys - _ALWAYS)
    if unknown:
        raise LINES.broken(number, f"has an unknown key `{unknown[0][:80]}`")
    try:
        content = form.parse(value)
    except Malformed as err:
        raise LINES.broken(number, str(err)) from err
    return Document(
        id=_label(value.get("id"), "id", MAX_ID, number) or f"line:{number}",
        content=content,
        slice=_label(value.get("slice"), "slice", MAX_SLICE, number),
    )


def _label(value: Json, key: str, cap: int, number: int) -> str | None:
    """A short printable string, since it is shown to people and pairs the arms."""
    if value is None:
        return None
    if not isinstance(value, str) or not value or len(value) > cap or not value.isprintable():
        raise LINES.broken(
            number, f"has `{key}` that is not a printable string of 1 to {cap} characters"
        )
    return value
