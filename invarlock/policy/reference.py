"""References to bars, ``F#tier+profile``, and reading the file they name."""

from __future__ import annotations

import errno
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from invarlock.errors import EnvironmentFault, InvarlockError, UsageFault
from invarlock.policy.check_include import path_fault
from invarlock.policy.compile import Compiled, compile_policy
from invarlock.policy.decode import MAX_BYTES
from invarlock.policy.diagnostics import printable, shown
from invarlock.policy.units import IncludeReader

_BESIDE: Final = "name a file beside or below the policy"
_BAR: Final = re.compile(r"([a-z][a-z0-9_]*)(?:\+([a-z][a-z0-9_]*))?")


@dataclass(frozen=True, slots=True)
class PolicyReference:
    """A policy file and, where given, one bar of it."""

    path: Path
    tier: str | None = None
    profile: str | None = None


def parse_reference(text: str) -> PolicyReference:
    """Read ``F``, ``F#TIER`` or ``F#TIER+PROFILE``.

    Raises :class:`UsageFault` E701 where what follows the last ``#`` is neither.
    """
    path, mark, bar = text.rpartition("#")
    if not mark:
        path, bar = text, ""
    match = _BAR.fullmatch(bar)
    if not path or (mark and match is None):
        message = f"`{shown(text)}` names no policy and bar"
        raise UsageFault("E701", message, "write `FILE#TIER` or `FILE#TIER+PROFILE`")
    tier, profile = match.groups() if match else (None, None)
    return PolicyReference(Path(path), tier, profile)


def read_source(path: Path, cap: int = MAX_BYTES) -> bytes:
    """The bytes of a policy file, or of another one; at most one more than ``cap``.

    Raises :class:`EnvironmentFault` E601 or E602, :class:`UsageFault` E115 on a folder.
    """
    name = printable(str(path))
    try:
        with path.open("rb") as file:
            return file.read(cap + 1)
    except (FileNotFoundError, NotADirectoryError) as err:
        raise EnvironmentFault("E601", f"`{name}` does not exist", "check the path") from err
    except PermissionError as err:
        hint = "check its owner and mode"
        raise EnvironmentFault("E602", f"permission denied for `{name}`", hint) from err
    except IsADirectoryError as err:
        hint = "pass the policy file"
        raise UsageFault("E115", f"`{name}` is a folder", hint) from err
    except OSError as err:
        reason = (err.strerror or "the system refuses").lower()
        message = f"`{name}` cannot be opened: {reason}"
        raise EnvironmentFault("E601", message, "check the path") from err


def load_policy(path: Path) -> Compiled:
    """Read and compile the policy at ``path``, and what it includes. Raises as
    :func:`read_source` and :func:`compile_policy`."""
    source, reader = read_source(path), include_reader(path.parent)
    return compile_policy(source, filename=printable(str(path)), includes=reader)


def include_reader(folder: Path) -> IncludeReader:
    """A reader of the files in and below ``folder``.

    It opens step by step from the folder and follows no link, so that nothing outside is read,
    and at most one byte more than :data:`MAX_BYTES`. It raises :class:`UsageFault` E124 on a path
    that leads elsewhere or to something else than a file, and :class:`EnvironmentFault` E601 or
    E602 where there is nothing to read.
    """

    def read(path: str) -> bytes:
        if path_fault(path) is not None:
            raise UsageFault("E124", f"`{shown(path)}` is no path inside the folder", _BESIDE)
        try:
            with os.fdopen(_open_inside(folder, path), "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise UsageFault("E124", f"`{shown(path)}` is no regular file", _BESIDE)
                return file.read(MAX_BYTES + 1)
        except OSError as err:
            raise _unreadable(path, err) from err

    return read


def _open_inside(folder: Path, path: str) -> int:
    """A descriptor of the file at ``path`` in ``folder``; a link on the way is an error."""
    *way, last = path.split("/")
    held = [os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)]
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        for step in way:
            held.append(os.open(step, flags | os.O_DIRECTORY, dir_fd=held[-1]))
        # Opening a FIFO without O_NONBLOCK would wait for a writer that never comes.
        return os.open(last, flags | os.O_NONBLOCK, dir_fd=held[-1])
    finally:
        for descriptor in held:
            os.close(descriptor)


def _unreadable(path: str, err: OSError) -> InvarlockError:
    name = shown(path)
    if isinstance(err, FileNotFoundError):
        return EnvironmentFault("E601", f"`{name}` does not exist", "check the path")
    if isinstance(err, PermissionError):
        return EnvironmentFault("E602", f"permission denied for `{name}`", "check its mode")
    if err.errno in {errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.ENXIO}:
        return UsageFault("E124", f"`{name}` is or lies behind a link, or is no file", _BESIDE)
    reason = (err.strerror or "the system refuses").lower()
    return EnvironmentFault("E601", f"`{name}` cannot be opened: {reason}", "check the path")
