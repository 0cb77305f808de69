"""JSON Lines from strangers: one strict object a line, under caps; what is refused has a number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from invarlock.canonical import Json, StrictJsonError, strict_json
from invarlock.errors import EnvironmentFault, SafetyRefusal


@dataclass(frozen=True, slots=True)
class JsonLines:
    """How a file of JSON Lines may be.

    Attributes:
        what: its word in messages, as in "line 3 of the data".
        hint: what to do about a line that is refused.
        max_line: cap of one line in bytes.
        most: cap of its lines.
        depth: how deep one object may nest.
    """

    what: str
    hint: str
    max_line: int
    most: int
    depth: int

    def lines(self, path: Path) -> Iterator[tuple[int, bytes]]:
        """Every line without its end, counted from 1.

        Raises :class:`SafetyRefusal` E003 for a line beyond a cap, :class:`EnvironmentFault` E601
        when the file cannot be read.
        """
        try:
            with path.open("rb") as file:
                number = 0
                while line := file.readline(self.max_line + 1):
                    number += 1
                    if len(line) > self.max_line:
                        raise self.broken(number, f"is longer than {self.max_line} bytes")
                    if number > self.most:
                        raise self.broken(number, f"is one more than {self.most} documents")
                    yield number, line.removesuffix(b"\n").removesuffix(b"\r")
        except OSError as err:
            raise EnvironmentFault(
                "E601", f"the {self.what} cannot be read", "check the path"
            ) from err

    def parse(self, line: bytes, number: int) -> dict[str, Json]:
        """The object of one line. Raises :class:`SafetyRefusal` E003."""
        try:
            value = strict_json(line, max_bytes=self.max_line, max_depth=self.depth)
        except StrictJsonError as err:
            raise self.broken(number, f"is not strict json: {err}") from err
        if not isinstance(value, dict):
            raise self.broken(number, "is not a json object")
        return value

    def broken(self, number: int, reason: str) -> SafetyRefusal:
        """E003 for a line; in printable ASCII, for it must not write to a terminal."""
        shown = reason.encode("unicode_escape").decode("ascii")[:300]
        return SafetyRefusal("E003", f"line {number} of the {self.what} {shown}", self.hint)
