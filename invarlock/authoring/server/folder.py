"""Included files of an open policy: the editor's unsaved text where it is open there, the disk
otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from invarlock.policy.reference import include_reader
from invarlock.policy.units import IncludeReader


def folder_reader(folder: Path, opened: Mapping[Path, str]) -> IncludeReader:
    """A reader of the files in and below ``folder``; ``opened`` holds what the editor has open.

    What may be read, and what is raised where it may not, is :func:`include_reader`'s to say, so
    that the editor and ``policy check`` agree.
    """
    from_disk = include_reader(folder)

    def read(name: str) -> bytes:
        saved = from_disk(name)
        text = opened.get(folder / name)
        return saved if text is None else text.encode("utf-8", "surrogatepass")

    return read
