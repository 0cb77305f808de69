"""Models below a folder: a bounded walk by descriptors that follows no link.

A folder is a model when it holds `config.json` or a file of safetensors, and nothing below it is
looked at for more. Snapshots of a Hugging Face cache are models whose files are links.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from invarlock.errors import EnvironmentFault

MAX_DEPTH: Final = 32
MAX_FOLDERS: Final = 200_000
MAX_ENTRIES: Final = 4_000_000
"""Names read, of all folders together."""
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
NOT_ENTERED: Final = frozenset({".git"})
"""Names that hold no models of anybody's."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder on the way: ``path`` below the root with ``/``, and the names in it.

    ``files`` are regular files and links, neither opened; ``folders`` are no links.
    """

    path: str
    files: tuple[str, ...]
    folders: tuple[str, ...]

    @property
    def is_model(self) -> bool:
        """Whether a loader would take it for a model."""
        return any(name == "config.json" or name.endswith(".safetensors") for name in self.files)


@dataclass(frozen=True, slots=True)
class Omitted:
    """A place that was not looked into."""

    path: str
    reason: str


@dataclass(slots=True)
class _Room:
    folders: int = MAX_FOLDERS
    entries: int = MAX_ENTRIES


def walk_models(root: Path) -> Iterator[Folder | Omitted]:
    """Every model below ``root``, itself perhaps, in the order of paths; and what was left out.

    Raises :class:`EnvironmentFault` E601 or E602 for ``root`` itself.
    """
    for found in walk_folders(root, into=lambda folder: not folder.is_model):
        if isinstance(found, Omitted) or found.is_model:
            yield found


def walk_folders(
    root: Path, *, into: Callable[[Folder], bool] = lambda _: True
) -> Iterator[Folder | Omitted]:
    """Every folder below ``root``, itself first; those that ``into`` denies are not entered.

    Raises :class:`EnvironmentFault` E601 or E602 for ``root`` itself.
    """
    try:
        # The path itself may be a link: the user named it.
        fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError) as err:
        raise EnvironmentFault("E601", f"`{root}` is not a folder", "check the path") from err
    except OSError as err:
        raise EnvironmentFault("E602", f"`{root}` cannot be opened", "check its mode") from err
    try:
        yield from _walk(fd, "", 0, into, _Room())
    finally:
        os.close(fd)


def _walk(
    fd: int, path: str, depth: int, into: Callable[[Folder], bool], room: _Room
) -> Iterator[Folder | Omitted]:
    if room.folders <= 0 or room.entries <= 0:
        yield Omitted(path or ".", "more folders or names than an audit reads")
        return
    room.folders -= 1
    try:
        folder = _listed(fd, path, room)
    except OSError as err:
        yield Omitted(path or ".", f"cannot be listed: {_why(err)}")
        return
    if room.entries <= 0:
        yield Omitted(path or ".", "more folders or names than an audit reads")
        return
    yield folder
    if not into(folder):
        return
    for name in folder.folders:
        below = f"{path}/{name}" if path else name
        if depth >= MAX_DEPTH:
            yield Omitted(below, f"nested deeper than {MAX_DEPTH} folders")
            continue
        try:
            child = os.open(name, _DIRECTORY, dir_fd=fd)
        except OSError as err:
            yield Omitted(below, f"cannot be opened: {_why(err)}")
            continue
        try:
            yield from _walk(child, below, depth + 1, into, room)
        finally:
            os.close(child)


def _listed(fd: int, path: str, room: _Room) -> Folder:
    files, folders = [], []
    with os.scandir(fd) as entries:
        for entry in entries:
            room.entries -= 1
            if room.entries <= 0:
                break
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in NOT_ENTERED:
                    folders.append(entry.name)
            elif entry.is_symlink() or entry.is_file(follow_symlinks=False):
                files.append(entry.name)
    return Folder(path, tuple(sorted(files)), tuple(sorted(folders)))


def _why(err: OSError) -> str:
    return (err.strerror or "unknown").lower()
