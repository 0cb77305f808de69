"""Writing a policy, as source or compiled: beside its place first, then renamed, so that no half
is read."""

from __future__ import annotations

import os
from pathlib import Path

from invarlock.errors import EnvironmentFault, UsageFault
from invarlock.policy.diagnostics import printable


def write_beside(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write ``data`` to ``path``, whole or not at all, with permissions ``mode``.

    What is there and is no file, such as a pipe or `/dev/null`, is written to and stays. Raises
    :class:`EnvironmentFault` E601 where the folder does not exist; other faults of the file system
    are left to the caller as :class:`OSError`.
    """
    if not path.parent.is_dir():
        message = f"the folder of `{printable(str(path))}` does not exist"
        raise EnvironmentFault("E601", message, "make it first")
    if path.exists() and not path.is_file() and not path.is_dir():
        with path.open("wb") as stream:
            stream.write(data)
        return
    import tempfile  # it loads much, and only this command writes

    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_output(path: Path, data: bytes, *, source: Path) -> None:
    """Write what was made of the policy ``source`` to ``path``, as :func:`write_beside`.

    Raises :class:`UsageFault` E137 where that would replace ``source``, under whatever name, or
    any other policy: neither can be made again from its output.
    """
    if path.exists() and (path.suffix.lower() == ".invar" or path.samefile(source)):
        message = f"`{printable(str(path))}` is a policy, and would be replaced"
        raise UsageFault("E137", message, "write to another file")
    write_beside(path, data)


def rewrite(path: Path, data: bytes) -> None:
    """Replace the contents of an existing file, whole or not at all; its permissions stay, and a
    link stays a link."""
    place = path.resolve()
    write_beside(place, data, mode=place.stat().st_mode & 0o7777)
