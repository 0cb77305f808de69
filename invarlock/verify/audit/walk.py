"""Models below a folder: a bounded walk by descriptors that follows no link.

A folder is a model when it holds `config.json` or a file of weights in whatever format, and nothing
below it is looked at for more. Snapshots of a Hugging Face cache are models whose files are links.
A link to a folder that is found on the way itself is another name of it; where any other link leads
was not looked into, and is said.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
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
WEIGHTS: Final = (
    ".bin",
    ".ckpt",
    ".gguf",
    ".h5",
    ".joblib",
    ".keras",
    ".msgpack",
    ".npz",
    ".onnx",
    ".pickle",
    ".pkl",
    ".pt",
    ".pth",
    ".safetensors",
)
"""What files of weights are called. Only those of safetensors can be evaluated; a folder of others
is a model all the same, and one that nobody attested."""


_Place = tuple[int, int]
_TO_A_FILE: Final[_Place] = (-1, -1)
"""No folder's device and inode."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder on the way: ``path`` below the root with ``/``, and the names in it.

    ``files`` are regular files and links, neither opened; ``folders`` are no links. ``away`` are
    those links that lead to a folder, with its device and inode, or to nothing.
    """

    path: str
    files: tuple[str, ...]
    folders: tuple[str, ...]
    away: tuple[tuple[str, _Place | None], ...] = ()

    @property
    def is_model(self) -> bool:
        """Whether a loader would take it for a model."""
        return any(name == "config.json" or name.lower().endswith(WEIGHTS) for name in self.files)


@dataclass(frozen=True, slots=True)
class Omitted:
    """A place that was not looked into."""

    path: str
    reason: str


@dataclass(slots=True)
class _Room:
    """What is left to read, which folders were, and where links lead."""

    folders: int = MAX_FOLDERS
    entries: int = MAX_ENTRIES
    seen: set[_Place] = field(default_factory=set)
    away: list[tuple[str, _Place | None]] = field(default_factory=list)


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
    room = _Room()
    try:
        yield from _walk(fd, "", 0, into, room)
    finally:
        os.close(fd)
    for path, place in room.away:
        if place is None:
            yield Omitted(path, "a link to nothing that could be looked at")
        elif place not in room.seen:
            yield Omitted(path, "a link to a folder that was not looked into")


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
        yield Omitted(path or ".", f"cannot be listed: {why(err)}")
        return
    if room.entries <= 0:
        yield Omitted(path or ".", "more folders or names than an audit reads")
        return
    room.seen.add(_place(os.fstat(fd)))
    yield folder
    if not into(folder):
        return  # a model's own links are for whoever hashes it
    room.away += [(f"{path}/{name}" if path else name, place) for name, place in folder.away]
    for name in folder.folders:
        below = f"{path}/{name}" if path else name
        if depth >= MAX_DEPTH:
            yield Omitted(below, f"nested deeper than {MAX_DEPTH} folders")
            continue
        try:
            child = os.open(name, _DIRECTORY, dir_fd=fd)
        except OSError as err:
            yield Omitted(below, f"cannot be opened: {why(err)}")
            continue
        try:
            yield from _walk(child, below, depth + 1, into, room)
        finally:
            os.close(child)


def _listed(fd: int, path: str, room: _Room) -> Folder:
    files, folders, away = [], [], []
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
                if entry.is_symlink() and (leads := _leads(entry)) != _TO_A_FILE:
                    away.append((entry.name, leads))
    return Folder(path, tuple(sorted(files)), tuple(sorted(folders)), tuple(sorted(away)))


def _leads(link: os.DirEntry[str]) -> _Place | None:
    """Where ``link`` leads, without a look into it."""
    try:
        there = link.stat()
    except OSError:
        return None
    return _place(there) if stat.S_ISDIR(there.st_mode) else _TO_A_FILE


def _place(found: os.stat_result) -> _Place:
    return (found.st_dev, found.st_ino)


def why(err: OSError) -> str:
    """What the system says of ``err``."""
    return (err.strerror or "unknown").lower()
