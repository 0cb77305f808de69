"""A run's folder as a verifier reads it: hostile until its digests are known.

Names come from a document that an untrusted producer wrote. Each is opened component by
component relative to a descriptor, no link is followed, only regular files are read, and no more
of them than was announced.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from invarlock.errors import EnvironmentFault, Inconclusive, VerificationFault

MAX_FILE: Final = 1 << 30
"""Bytes of the largest file read; ten million scored tokens fit four times over."""
MAX_NAME: Final = 1024
WHOLE_RUN: Final = "pass the whole run folder with --run"
"""The hint where a file of a run is absent."""
_CHUNK: Final = 1 << 20
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def is_plain_name(name: str) -> bool:
    """Whether ``name`` is a relative, normalised path that stays below where it starts."""
    parts = name.split("/")
    return (
        0 < len(name) <= MAX_NAME
        and all(part not in {"", ".", ".."} for part in parts)
        and all(char.isprintable() and char != "\\" for char in name)
    )


class RunFolder:
    """An open run folder. Use :func:`open_run`."""

    def __init__(self, fd: int, path: Path) -> None:
        self._fd = fd
        self._path = path

    def read(self, name: str, max_bytes: int = MAX_FILE) -> bytes:
        """The bytes of the regular file ``name``.

        Raises :class:`Inconclusive` E409 when it is absent, :class:`VerificationFault` E405 for
        a name that leaves the folder and E403 for a link, a special file or one larger than
        ``max_bytes``, and :class:`EnvironmentFault` E602 or E603 when it cannot be read.
        """
        if not is_plain_name(name):
            raise VerificationFault(
                "E405", f"`{name[:80]}` is no plain relative path", "ask the producer"
            )
        try:
            fd = self._open(name)
        except FileNotFoundError as err:
            raise Inconclusive("E409", f"`{name}` is not in `{self._path}`", WHOLE_RUN) from err
        except PermissionError as err:
            hint = "check its owner and mode"
            raise EnvironmentFault("E602", f"cannot read `{name}` of the run", hint) from err
        except OSError as err:
            if err.errno in {errno.ELOOP, errno.ENOTDIR, errno.ENXIO}:
                raise _not_regular(name) from err
            why = (err.strerror or "for a reason unknown").lower()
            message = f"cannot read `{name}` of the run: {why}"
            raise EnvironmentFault(
                "E603", message, "check the disk, or fetch the run again"
            ) from err
        try:
            return _read_regular(fd, name, min(max_bytes, MAX_FILE))
        finally:
            os.close(fd)

    def _open(self, name: str) -> int:
        *way, last = name.split("/")
        opened: list[int] = []
        try:
            at = self._fd
            for part in way:
                at = os.open(part, _DIRECTORY, dir_fd=at)
                opened.append(at)
            return os.open(last, _FILE, dir_fd=at)
        finally:
            for fd in opened:
                os.close(fd)


@contextmanager
def open_run(path: Path) -> Iterator[RunFolder]:
    """Open the folder that the consumer named. Raises E601 when there is none."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError) as err:
        hint = "name the folder that `invarlock evaluate` wrote"
        raise EnvironmentFault("E601", f"no run folder `{path}`", hint) from err
    except PermissionError as err:
        raise EnvironmentFault("E602", f"cannot open `{path}`", "check its mode") from err
    try:
        yield RunFolder(fd, path)
    finally:
        os.close(fd)


def _read_regular(fd: int, name: str, max_bytes: int) -> bytes:
    facts = os.fstat(fd)
    if not stat.S_ISREG(facts.st_mode):
        raise _not_regular(name)
    chunks: list[bytes] = []
    total = 0
    while chunk := os.read(fd, min(_CHUNK, max_bytes + 1 - total)):
        chunks.append(chunk)
        total += len(chunk)
        if total > max_bytes:
            hint = "fetch the run that was attested"
            raise VerificationFault("E403", f"`{name}` is larger than {max_bytes} bytes", hint)
    return b"".join(chunks)


def _not_regular(name: str) -> VerificationFault:
    return VerificationFault(
        "E403", f"`{name}` is a link or special file", "fetch the run that was attested"
    )
