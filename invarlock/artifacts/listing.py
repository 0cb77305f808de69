"""What a model folder holds: a walk by descriptors that trusts no name and follows no link.

The one exception is the Hugging Face cache, whose snapshot files are links into the ``blobs``
folder beside ``snapshots``; a link must spell exactly that, and counts as a file under its own
name (DESIGN section 5).
"""

from __future__ import annotations

import errno
import os
import re
import stat
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from invarlock.artifacts.descriptor import changed, open_regular, special_file
from invarlock.artifacts.shown import shown
from invarlock.errors import EnvironmentFault, InvarlockError, SafetyRefusal

MAX_FILES: Final = 10_000
MAX_DEPTH: Final = 16
MAX_NAME: Final = 255

_BLOB: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EINVAL})
"""Absent by now, or another kind of thing than it was."""
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_EXCLUDED: Final = frozenset({".invarlock", "model.sig"})


@dataclass(frozen=True, slots=True)
class Item:
    """A file to be read: ``path`` in the folder with ``/``; ``blob`` when it is a cache link."""

    path: str
    blob: str | None = None


@dataclass(frozen=True, slots=True)
class OpenRoot:
    """A folder held open by descriptor; ``label`` is what the user typed."""

    fd: int
    real: Path
    label: str
    in_cache: bool


@contextmanager
def open_root(path: Path) -> Iterator[OpenRoot]:
    """Hold the folder ``path`` open. The path itself may be a link: the user named it.

    Raises EnvironmentFault E601 when it is absent or not a folder, E602 without permission.
    """
    label = str(path)
    try:
        fd = os.open(path, _DIRECTORY)
    except (FileNotFoundError, NotADirectoryError) as err:
        raise EnvironmentFault("E601", f"`{label}` is not a folder", "check the path") from err
    except OSError as err:
        raise EnvironmentFault("E602", f"`{label}` cannot be opened", "check its mode") from err
    try:
        real = Path(os.readlink(f"/proc/self/fd/{fd}"))
        yield OpenRoot(fd, real, label, real.parent.name == "snapshots")
    finally:
        os.close(fd)


def list_items(root: OpenRoot) -> tuple[Item, ...]:
    """Every regular file below ``root`` sorted by path, except (at the top level) ``.invarlock``,
    ``model.sig`` and ``.git*``.

    Raises SafetyRefusal E205 for a link that is no cache link or a special file, E211 for a name
    with control, formatting or undecodable characters, E208 beyond :data:`MAX_FILES` files,
    E209 for one that is gone before it was looked at; EnvironmentFault E602 without permission.
    """
    items: list[Item] = []
    for item in _walk(root, root.fd, "", 0):
        if len(items) >= MAX_FILES:
            raise SafetyRefusal("E208", f"`{root.label}` holds more than {MAX_FILES} files")
        items.append(item)
    return tuple(sorted(items, key=lambda item: item.path))


def _walk(root: OpenRoot, fd: int, prefix: str, depth: int) -> Iterator[Item]:
    if depth > MAX_DEPTH:
        raise SafetyRefusal("E208", f"`{prefix}` is nested deeper than {MAX_DEPTH} folders")
    for name in _names(root, fd, prefix):
        if depth == 0 and excluded(name):
            continue
        path = prefix + check_name(name)
        mode = _mode(fd, name, path)
        if stat.S_ISDIR(mode):
            yield from _descend(root, fd, name, path, depth)
        elif stat.S_ISREG(mode):
            yield Item(path)
        elif stat.S_ISLNK(mode):
            yield Item(path, _blob_of(root, fd, name, path, depth))
        else:
            raise special_file(path)


def _names(root: OpenRoot, fd: int, prefix: str) -> list[str]:
    try:
        return os.listdir(fd)
    except OSError as err:
        label = prefix or root.label
        raise EnvironmentFault("E602", f"`{label}` cannot be listed", "check its mode") from err


def _mode(fd: int, name: str, path: str) -> int:
    try:
        return os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode
    except OSError as err:
        raise _lost(err, path) from err


def _lost(err: OSError, path: str) -> InvarlockError:
    """What became of a name that was just listed."""
    if err.errno in _GONE:
        return changed(path)
    return EnvironmentFault("E602", f"`{path}` cannot be opened", "check its mode")


def _descend(root: OpenRoot, fd: int, name: str, path: str, depth: int) -> Iterator[Item]:
    try:
        child = os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=fd)
    except OSError as err:
        raise _lost(err, path) from err
    try:
        yield from _walk(root, child, path + "/", depth + 1)
    finally:
        os.close(child)


def _blob_of(root: OpenRoot, fd: int, name: str, path: str, depth: int) -> str:
    try:
        target = os.readlink(name, dir_fd=fd)
    except OSError as err:
        raise _lost(err, path) from err
    *steps, blob = target.split("/")
    if root.in_cache and steps == [".."] * (depth + 2) + ["blobs"] and _BLOB.fullmatch(blob):
        return blob
    raise SafetyRefusal(
        "E205", f"`{path}` is a link that leaves the folder", "replace it by a regular file"
    )


def excluded(name: str) -> bool:
    """Whether a top-level name stands outside the root digest and never enters a boundary."""
    return name in _EXCLUDED or name.startswith(".git")


def check_name(name: str) -> str:
    """``name`` if it can be shown, signed and compared without surprise, else E211."""
    bad = any(unicodedata.category(char)[0] == "C" for char in name) or "\\" in name
    if bad or len(name) > MAX_NAME or unicodedata.normalize("NFC", name) != name:
        raise SafetyRefusal(
            "E211", f"file name `{shown(name)}` cannot be trusted", "rename the file"
        )
    return name


def open_item(root: OpenRoot, item: Item) -> int:
    """A descriptor of the item's bytes, every component opened without following links."""
    if item.blob is not None:
        blobs = _open_below(root.fd, ("..", "..", "blobs"), item.path)
        try:
            return open_regular(item.blob, dir_fd=blobs, label=item.path)
        finally:
            os.close(blobs)
    *folders, name = item.path.split("/")
    parent = _open_below(root.fd, tuple(folders), item.path)
    try:
        return open_regular(name, dir_fd=parent, label=item.path)
    finally:
        os.close(parent)


def item_path(root: OpenRoot, item: Item) -> Path:
    """Where the item's bytes lie on disk, for binding them read-only."""
    if item.blob is not None:
        return root.real.parent.parent / "blobs" / item.blob
    return root.real / item.path


def _open_below(fd: int, names: tuple[str, ...], label: str) -> int:
    current = os.dup(fd)
    for name in names:
        try:
            below = os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=current)
        except OSError as err:
            raise special_file(label) from err
        finally:
            os.close(current)
        current = below
    return current
