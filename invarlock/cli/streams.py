"""Standard streams whose reader may go away: the exit code still tells the verdict.

``invarlock verify … | head -1`` closes the pipe early. Neither a pass nor a refusal may then come
out as another exit code, so what nobody reads is dropped and the command goes on to its end.
"""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class _Unheard(io.FileIO):
    """A descriptor that swallows what is written after its reader went away."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Write as usual; once the pipe is broken, to nowhere."""
        try:
            return super().write(data) or 0
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return memoryview(data).nbytes


def outlive_readers() -> None:
    """Replace stdout and stderr of this process by ones that a closed pipe does not stop."""
    sys.stdout = _patient(sys.stdout)
    sys.stderr = _patient(sys.stderr)


def _patient(stream: TextIO) -> TextIO:
    raw = _Unheard(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=True,
    )
