"""Private folders and paths that nobody else can write."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from invarlock.errors import EnvironmentFault


@contextmanager
def secure_tempdir(prefix: str = "invarlock-", parent: Path | None = None) -> Iterator[Path]:
    """A new folder of mode 0700 below ``parent`` (default: the system's), removed on exit.

    Raises EnvironmentFault E603 when it cannot be made.
    """
    import shutil
    import tempfile

    try:
        path = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    except OSError as err:
        where = parent if parent is not None else "the temporary folder"
        raise EnvironmentFault(
            "E603", f"no private folder can be made in `{where}`", "free space, or set TMPDIR"
        ) from err
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def is_secure_path(path: Path) -> bool:
    """Whether only this user and root can change what ``path`` names.

    Every component from ``/`` down, links included, must belong to this user or root and be
    writable by nobody else; a folder with the sticky bit (``/tmp``) passes, since others cannot
    replace entries there that they do not own. An absent path is not secure.
    """
    absolute = Path(os.path.abspath(path))
    try:
        resolved = absolute.resolve(strict=True)
        chain = {*absolute.parents, absolute, *resolved.parents, resolved}
        return all(_component_is_secure(part.lstat()) for part in chain)
    except (OSError, RuntimeError):
        return False


def _component_is_secure(info: os.stat_result) -> bool:
    if info.st_uid not in {0, os.geteuid()}:
        return False
    if stat.S_ISLNK(info.st_mode):
        return True
    shared = info.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return not shared or (stat.S_ISDIR(info.st_mode) and bool(info.st_mode & stat.S_ISVTX))
