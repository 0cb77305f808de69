"""Opening a file that a person named, which must be a regular one or a link to one."""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path


def open_file(path: Path) -> BufferedReader:
    """``path`` for reading. Raises :class:`OSError`, EINVAL for what is no regular file.

    Opening a FIFO otherwise waits for a writer that may never come.
    """
    return open(path, "rb", opener=_open)


def _open(name: str, flags: int) -> int:
    fd = os.open(name, flags | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "not a regular file", name)
    return fd
