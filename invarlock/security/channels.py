"""The pipes between parent and child: report, leave, output, and bubblewrap's status."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from invarlock.errors import SafetyRefusal
from invarlock.security.guard import temporarily_allow_network
from invarlock.security.manifest import InsideObservation, Refusals
from invarlock.security.process import Pipe, Progress

LEAVE: Final = b"g"


@dataclass(frozen=True, slots=True)
class Channels:
    """Descriptors of one launch. The child holds ``report_w``, ``leave_r``, ``output_w`` and, in
    the sandbox, bubblewrap holds ``status_w``; the parent reads the pipes and writes leave."""

    report: Pipe
    output: Pipe
    status: Pipe
    leave_w: int
    report_w: int
    leave_r: int
    output_w: int
    status_w: int
    port: int
    _open: list[int]

    @property
    def pipes(self) -> tuple[Pipe, ...]:
        """What the parent drains."""
        return (self.report, self.output, self.status)

    def close_child_ends(self) -> None:
        """Close what only the child may hold, once it runs."""
        for fd in (self.report_w, self.leave_r, self.output_w, self.status_w):
            # Forgotten before closed: its number may soon belong to another file.
            self._open.remove(fd)
            os.close(fd)

    def has_report(self) -> bool:
        """Whether the observation line has come, whole."""
        return b"\n" in self.report.data


@contextmanager
def open_channels(progress: Progress | None) -> Iterator[Channels]:
    """All pipes of a launch, and a listener on the host's loopback for the probe to try."""
    fds: list[int] = []
    try:
        for _ in range(4):
            fds += os.pipe2(os.O_CLOEXEC)
        with _listener() as port:
            report_r, report_w, leave_r, leave_w, output_r, output_w, status_r, status_w = fds
            yield Channels(
                report=Pipe(report_r),
                output=Pipe(output_r, keep="tail", listener=progress),
                status=Pipe(status_r),
                leave_w=leave_w,
                report_w=report_w,
                leave_r=leave_r,
                output_w=output_w,
                status_w=status_w,
                port=port,
                _open=fds,
            )
    finally:
        for fd in fds:
            os.close(fd)


@contextmanager
def _listener() -> Iterator[int]:
    with socket.socket() as link:
        with temporarily_allow_network():
            link.bind(("127.0.0.1", 0))
        link.listen()
        yield int(link.getsockname()[1])


class _First(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    inside: InsideObservation


class _Last(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    refused: Refusals


def inside_of(data: bytes) -> InsideObservation:
    """The observation in the report's first line. Raises SafetyRefusal E302 when malformed."""
    line = data.split(b"\n", maxsplit=1)[0]
    try:
        return _First.model_validate_json(line).inside
    except ValidationError as err:
        raise SafetyRefusal("E302", "the boundary's observation cannot be read") from err


def refusals_of(data: bytes) -> Refusals:
    """The counts in the report's last line; empty when the child never wrote them."""
    lines = data.split(b"\n")
    try:
        return _Last.model_validate_json(lines[1]).refused if len(lines) > 2 else Refusals()
    except ValidationError:
        return Refusals()


def status_number(data: bytes, key: str) -> int | None:
    """A number out of bubblewrap's ``--json-status-fd`` documents, if it was written."""
    text, decoder, position = data.decode("utf-8", "replace"), json.JSONDecoder(), 0
    while True:
        while position < len(text) and text[position].isspace():
            position += 1
        try:
            document, position = decoder.raw_decode(text, position)
        except json.JSONDecodeError:
            return None
        if isinstance(document, dict) and isinstance(document.get(key), int):
            return int(document[key])
