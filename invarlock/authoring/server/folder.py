"""Included files of an open policy: the editor's unsaved text where it is open there, the disk
otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from invarlock.authoring.server.analysis import Reader
from invarlock.errors import UsageFault
from invarlock.policy.diagnostics import shown
from invarlock.policy.reference import read_source


def folder_reader(folder: Path, opened: Mapping[Path, str]) -> Reader:
    """A reader of the files under ``folder``; ``opened`` holds what the editor has open.

    It raises :class:`UsageFault` E124 on a path out of the folder's tree, be it by a link, and as
    :func:`read_source` where there is nothing to read.
    """

    def read(name: str) -> bytes:
        parts = PurePosixPath(name)
        path = folder / parts
        inside = not parts.is_absolute() and ".." not in parts.parts
        if not inside or not path.resolve().is_relative_to(folder.resolve()):
            message = f"`{shown(name)}` is outside the policy's folder"
            raise UsageFault("E124", message, "name a file beside or below the policy")
        text = opened.get(path)
        return read_source(path) if text is None else text.encode("utf-8", "surrogatepass")

    return read
