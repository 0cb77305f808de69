"""Opening one untrusted regular file and reading it once: digest, size, sealed copy.

The bytes hashed are the bytes loaded: while a file is hashed, the same read fills a memfd that is
then sealed against writing and resizing, so nobody (not even this process) can change it later.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from invarlock.errors import EnvironmentFault, InvarlockError, SafetyRefusal

Pace = Callable[[int], None]
"""Told of every so many bytes read, and may wait before it returns."""

CHUNK: Final = 1 << 20
HEAD_BYTES: Final = 16
"""As many leading bytes as it takes to tell a pickle, zip or HDF5 file from safetensors."""

SEALS: Final = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL

# O_NONBLOCK: opening a FIFO would otherwise wait for a writer. O_NOCTTY: for terminals.
_OPEN_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_OUT_OF_ROOM: Final = frozenset({errno.ENOMEM, errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True, slots=True)
class Reading:
    """One complete read of a file: ``size`` in bytes, ``sha256`` as 64 hex digits, leading bytes,
    and the sealed memfd holding the same bytes (``None`` when none was asked for)."""

    size: int
    sha256: str
    head: bytes
    sealed: int | None


def open_regular(name: str, *, dir_fd: int | None, label: str, follow: bool = False) -> int:
    """A read-only descriptor of the regular file ``name`` below ``dir_fd``.

    ``follow`` lets the last component be a link (a path the user typed). Never blocks on a FIFO
    and never opens a device. Raises SafetyRefusal E205 for anything but a regular file,
    EnvironmentFault E601 when absent and E602 when not readable. ``label`` names it in messages.
    """
    try:
        before = os.stat(name, dir_fd=dir_fd, follow_symlinks=follow)
        if not stat.S_ISREG(before.st_mode):
            raise special_file(label)
        fd = os.open(name, _OPEN_FLAGS | (0 if follow else os.O_NOFOLLOW), dir_fd=dir_fd)
    except OSError as err:
        raise _open_fault(err, label) from err
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise special_file(label)
    return fd


def special_file(label: str) -> SafetyRefusal:
    """The refusal for a link, FIFO, socket, device or folder where a regular file must be."""
    return SafetyRefusal("E205", f"`{label}` is not a regular file", "replace it by a regular file")


def _open_fault(err: OSError, label: str) -> InvarlockError:
    if err.errno == errno.ELOOP:
        return special_file(label)
    if err.errno in {errno.ENOENT, errno.ENOTDIR}:
        return EnvironmentFault("E601", f"`{label}` does not exist", "check the path")
    if err.errno in {errno.EACCES, errno.EPERM}:
        return EnvironmentFault("E602", f"`{label}` cannot be read", "check the owner and mode")
    if err.errno in {errno.EMFILE, errno.ENFILE}:
        return EnvironmentFault("E602", "too many open files", "raise `ulimit -n`")
    reason = os.strerror(err.errno or 0).lower()
    return EnvironmentFault("E603", f"`{label}` cannot be opened: {reason}", "check the disk")


def read_once(
    fd: int,
    *,
    label: str,
    seal: bool,
    max_bytes: int | None = None,
    pace: Pace | None = None,
) -> Reading:
    """Hash ``fd`` from its start to its end; with ``seal`` keep the same bytes in a sealed memfd.

    Raises SafetyRefusal E208 above ``max_bytes`` and E209 when the file changed while it was read
    (size, mtime or ctime differ, or more or fewer bytes came than its size says);
    EnvironmentFault E603 when memory for the copy or the disk gives out.
    """
    before = os.fstat(fd)
    if max_bytes is not None and before.st_size > max_bytes:
        raise too_large(label, before.st_size, max_bytes)
    memfd = _memfd(label) if seal else None
    try:
        size, sha256, head = _copy(fd, memfd, before.st_size, label, pace)
        _check_still(fd, before, size, label)
        if memfd is not None:
            fcntl.fcntl(memfd, fcntl.F_ADD_SEALS, SEALS)
    except BaseException:
        if memfd is not None:
            os.close(memfd)
        raise
    return Reading(size, sha256, head, memfd)


def changed(label: str) -> SafetyRefusal:
    """The refusal for an artifact that did not hold still."""
    return SafetyRefusal(
        "E209", f"`{label}` changed while it was read", "stop whatever writes to it"
    )


def too_large(label: str, size: int, cap: int) -> SafetyRefusal:
    """The refusal for an artifact above its cap; both in bytes."""
    return SafetyRefusal("E208", f"`{label}` has {size} bytes, more than its cap of {cap}")


def _check_still(fd: int, before: os.stat_result, size: int, label: str) -> None:
    if size != before.st_size or _identity(os.fstat(fd)) != _identity(before):
        raise changed(label)


def _identity(info: os.stat_result) -> tuple[int, int, int, int, int]:
    return (info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns)


def _memfd(label: str) -> int:
    try:
        return os.memfd_create("invarlock", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    except OSError as err:
        raise _copy_fault(err, label) from err


def _copy(
    fd: int, memfd: int | None, expected: int, label: str, pace: Pace | None
) -> tuple[int, str, bytes]:
    digest, size, head = hashlib.sha256(), 0, b""
    buffer = bytearray(min(CHUNK, max(expected, 1)))
    view = memoryview(buffer)
    try:
        # One read past the expected size tells a file that grew.
        while size <= expected and (count := os.preadv(fd, [buffer], size)):
            piece = view[:count]
            digest.update(piece)
            if len(head) < HEAD_BYTES:
                head += bytes(piece[: HEAD_BYTES - len(head)])
            if memfd is not None:
                _write_all(memfd, piece)
            size += count
            if pace is not None:
                pace(count)
    except OSError as err:
        raise _copy_fault(err, label) from err
    return size, digest.hexdigest(), head


def _write_all(fd: int, piece: memoryview) -> None:
    while piece:
        piece = piece[os.write(fd, piece) :]


def _copy_fault(err: OSError, label: str) -> EnvironmentFault:
    if err.errno in _OUT_OF_ROOM:
        return EnvironmentFault(
            "E603", f"no memory to hold `{label}`", "free memory, or lower --memory-budget"
        )
    reason = os.strerror(err.errno or 0).lower()
    return EnvironmentFault("E603", f"reading `{label}` failed: {reason}", "check the disk")
