"""Running one child with its pipes drained, a deadline, and no way to outlive its parent."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

_READ: Final = 1 << 16
_CHANNEL_CAP: Final = 256 << 10
_TAIL: Final = 4 << 10
_POLL_S: Final = 0.2
_DRAIN_S: Final = 1.0
_REAP_S: Final = 5.0

Progress = Callable[[str], None]


@dataclass(slots=True)
class Pipe:
    """Bytes from the child. ``keep`` says which end survives the cap: its start or its tail."""

    fd: int
    keep: str = "start"
    data: bytearray = field(default_factory=bytearray)
    listener: Progress | None = None
    _line: bytearray = field(default_factory=bytearray)

    def feed(self, piece: bytes) -> None:
        """Take bytes in; what exceeds the cap is dropped."""
        self.data += piece
        if self.keep == "tail":
            del self.data[:-_TAIL]
            self._pass_on(piece)
        else:
            del self.data[_CHANNEL_CAP:]

    def _pass_on(self, piece: bytes) -> None:
        if self.listener is None:
            return
        self._line += piece
        *lines, rest = self._line.split(b"\n")
        self._line = rest[:_TAIL]
        for line in lines:
            self.listener(sanitise(bytes(line[:_TAIL])))


def sanitise(data: bytes) -> str:
    """Text that cannot steer a terminal: control and formatting characters become ``?``."""
    text = data.decode("utf-8", "replace")
    return "".join(char if char.isprintable() or char == "\n" else "?" for char in text)


class Overdue(Exception):
    """The deadline passed."""


class Child:
    """A started process and the pipes it writes to."""

    def __init__(self, process: subprocess.Popen[bytes], pipes: Sequence[Pipe], deadline: float):
        self.process = process
        self.inner_pid: int | None = None
        self._deadline = deadline
        self._selector = selectors.DefaultSelector()
        for pipe in pipes:
            os.set_blocking(pipe.fd, False)
            self._selector.register(pipe.fd, selectors.EVENT_READ, pipe)

    def wait_for(self, ready: Callable[[], bool]) -> bool:
        """Drain pipes until ``ready``; False when the child ended first. Raises Overdue."""
        while not ready():
            ended = self.process.poll() is not None
            if not self._step(_POLL_S) and ended:
                return ready()
        return True

    def finish(self) -> int:
        """Drain until the child ends; its return code as :mod:`subprocess` gives it."""
        while self.process.poll() is None:
            self._step(_POLL_S)
        # A grandchild may hold the pipes open on a plain host: do not wait for it for ever.
        until = time.monotonic() + _DRAIN_S
        while time.monotonic() < until and self._selector.get_map() and self._step(0):
            pass
        return self.process.returncode

    def _step(self, wait: float) -> bool:
        if time.monotonic() > self._deadline:
            raise Overdue
        if not self._selector.get_map():
            time.sleep(min(wait, 0.01))
            return False
        moved = False
        for key, _ in self._selector.select(wait):
            pipe: Pipe = key.data
            piece = os.read(pipe.fd, _READ)
            if piece:
                pipe.feed(piece)
                moved = True
            else:
                self._selector.unregister(pipe.fd)
        return moved

    def kill(self) -> None:
        """Kill what runs inside, then the launcher and its whole session."""
        if self.process.poll() is None:
            if self.inner_pid is not None:
                # The launcher still waits for it, so the number cannot have been given away.
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(self.inner_pid, signal.SIGKILL)
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(_REAP_S)

    def close(self) -> None:
        """Stop watching the pipes."""
        self._selector.close()


@contextmanager
def started(
    argv: Sequence[str],
    *,
    pass_fds: Sequence[int],
    on_start: Callable[[], None],
    output_fd: int,
    environment: Mapping[str, str],
    pipes: Sequence[Pipe],
    timeout_s: float,
    cwd: str,
) -> Iterator[Child]:
    """Start ``argv`` in a session of its own with only ``pass_fds`` beyond standard streams.

    ``on_start`` is called once it runs, to close pipe ends that only the child may hold.
    Whatever ends the block (an error, Ctrl-C) kills the child first. Raises OSError when it cannot
    be started.
    """
    deadline = time.monotonic() + timeout_s
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=output_fd,
        stderr=output_fd,
        env=dict(environment),
        pass_fds=tuple(pass_fds),
        start_new_session=True,
        cwd=cwd,
    )
    child = Child(process, pipes, deadline)
    try:
        on_start()
        yield child
    finally:
        child.kill()
        child.close()
