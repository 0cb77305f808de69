"""A model folder, opened safely: every file hashed, the ones a loader needs sealed in memory.

The parent that uses this parses nothing of the model. It sees names, sizes, digests and the first
sixteen bytes of weight files, by which a pickle in disguise shows.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from invarlock.artifacts.abreast import in_order
from invarlock.artifacts.descriptor import (
    Pace,
    Reading,
    changed,
    open_regular,
    read_once,
    too_large,
)
from invarlock.artifacts.kinds import SMALL_CAP, check_kinds, check_magic, is_loaded, is_weights
from invarlock.artifacts.listing import (
    Item,
    OpenRoot,
    item_path,
    list_items,
    open_item,
    open_root,
)
from invarlock.canonical import canonical_bytes, digest_bytes
from invarlock.errors import SafetyRefusal

BytesBinding = Literal["sealed", "verified-twice"]

DEFAULT_BUDGET: Final = 4 << 30
"""Bytes of sealed copies that one folder may take of memory."""

_SMALL: Final = 8 << 20
"""Bytes that one thread hashes in no time."""


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file: ``path`` with ``/``, ``size`` in bytes, ``digest`` as ``sha256:`` and 64 hex
    digits; ``loaded`` says that it is passed into the boundary."""

    path: str
    size: int
    digest: str
    loaded: bool


@dataclass(frozen=True, slots=True)
class Folder:
    """An opened folder. ``sealed`` maps loaded paths to memfds; above the budget ``on_disk`` maps
    them to files instead, to be bound read-only and hashed inside before and after."""

    path: Path
    files: tuple[FileEntry, ...]
    sealed: Mapping[str, int] = field(default_factory=dict)
    on_disk: Mapping[str, Path] = field(default_factory=dict)

    @property
    def root_digest(self) -> str:
        """The digest that stands for the whole folder."""
        return root_digest(self.files)

    @property
    def bytes_binding(self) -> BytesBinding:
        """How the bytes loaded are held to the bytes hashed."""
        return "verified-twice" if self.on_disk else "sealed"

    def inputs(self, prefix: str) -> dict[str, int]:
        """Boundary paths ``prefix/…`` to sealed descriptors, for a launch request."""
        return {f"{prefix}/{path}": fd for path, fd in self.sealed.items()}

    def binds(self, prefix: str) -> dict[str, Path]:
        """Boundary paths ``prefix/…`` to files to bind; empty when all is sealed."""
        return {f"{prefix}/{path}": disk for path, disk in self.on_disk.items()}

    def expected(self, prefix: str) -> dict[str, str]:
        """Boundary paths of bound files to the digests they must have inside."""
        digests = {entry.path: entry.digest for entry in self.files}
        return {f"{prefix}/{path}": digests[path] for path in self.on_disk}


def root_digest(files: Iterable[FileEntry]) -> str:
    """Digest of :func:`file_list`, the one that stands for the whole folder."""
    return digest_bytes(file_list(files))


def file_list(files: Iterable[FileEntry]) -> bytes:
    """The canonical JSON of ``[{path, size, sha256}]`` sorted by path (code points); ``sha256`` is
    64 bare hex digits (DESIGN section 5)."""
    rows = [
        {"path": entry.path, "size": entry.size, "sha256": entry.digest.removeprefix("sha256:")}
        for entry in sorted(files, key=lambda entry: entry.path)
    ]
    return canonical_bytes(rows)


@contextmanager
def open_folder(path: Path, *, budget: int = DEFAULT_BUDGET) -> Iterator[Folder]:
    """Hash every file of the model folder ``path`` and seal the ones a loader needs.

    ``budget`` caps the sealed bytes; when the files to load exceed it they stay on disk and
    :attr:`Folder.on_disk` names them. Descriptors are closed on exit.

    Raises:
        EnvironmentFault: E601 absent, E602 not readable, E603 memory or disk gave out.
        SafetyRefusal: E201 pickle for weights, E203 no weights, E205 link or special file,
            E208 above a cap, E209 changed while read, E210 format not supported, E211 bad name.
    """
    with open_root(path) as root:
        items = list_items(root)
        check_kinds([item.path for item in items], root.label)
        seal = _loaded_bytes(root, items) <= budget
        sealed: dict[str, int] = {}
        try:
            files = tuple(_enter(root, item, sealed if seal else None) for item in items)
            if list_items(root) != items:
                raise changed(root.label)
            disk = {i.path: item_path(root, i) for i in items if is_loaded(i.path) and not seal}
            yield Folder(root.real, files, sealed, disk)
        finally:
            for fd in sealed.values():
                os.close(fd)


def tree_of(path: Path, *, pace: Pace | None = None) -> tuple[str, tuple[FileEntry, ...]]:
    """Root digest and files of the folder ``path``, nothing kept. Raises like open_folder, but
    says nothing about what the files are for.

    Files of any size are hashed side by side, one a processor; with a ``pace`` one after another.
    """
    with open_root(path) as root:
        items = list_items(root)

        def read(item: Item) -> FileEntry:
            return _entry(item, _read(root, item, seal=False, pace=pace))

        abreast = pace is None and _worth_threads(root, items)
        files = in_order(read, items) if abreast else tuple(map(read, items))
        if list_items(root) != items:
            raise changed(root.label)
    return root_digest(files), files


def _worth_threads(root: OpenRoot, items: Iterable[Item]) -> bool:
    """Whether starting threads costs less than it saves; reading decides all else."""
    total = 0
    for item in items:
        with suppress(OSError):
            total += item_path(root, item).lstat().st_size
    return total > _SMALL


def _loaded_bytes(root: OpenRoot, items: tuple[Item, ...]) -> int:
    total = 0
    for item in items:
        if not is_loaded(item.path):
            continue
        fd = open_item(root, item)
        size = os.fstat(fd).st_size
        os.close(fd)
        if not is_weights(item.path) and size > SMALL_CAP:
            raise too_large(item.path, size, SMALL_CAP)
        total += size
    return total


def _enter(root: OpenRoot, item: Item, sealed: dict[str, int] | None) -> FileEntry:
    reading = _read(root, item, seal=sealed is not None and is_loaded(item.path))
    if sealed is not None and reading.sealed is not None:
        sealed[item.path] = reading.sealed
    check_magic(item.path, reading.head)
    return _entry(item, reading)


def _read(root: OpenRoot, item: Item, *, seal: bool, pace: Pace | None = None) -> Reading:
    fd = open_item(root, item)
    try:
        return read_once(fd, label=item.path, seal=seal, pace=pace)
    finally:
        os.close(fd)


def _entry(item: Item, reading: Reading) -> FileEntry:
    return FileEntry(item.path, reading.size, "sha256:" + reading.sha256, is_loaded(item.path))


@dataclass(frozen=True, slots=True)
class SealedFile:
    """A single file held in a sealed memfd: ``size`` in bytes and ``sha256:…`` digest."""

    fd: int
    size: int
    digest: str

    def close(self) -> None:
        """Let the memory go."""
        os.close(self.fd)


def seal_file(path: Path, max_bytes: int, *, follow: bool = True) -> SealedFile:
    """Read the file ``path`` once into a sealed memfd; the caller closes it.

    ``follow`` lets it be a link, as a path that the user typed may be; pass False for what a
    boundary left behind, which could point anywhere. Raises EnvironmentFault E601/E602/E603,
    SafetyRefusal E205 when it is not a regular file, E208 above ``max_bytes``, E209 when it changed
    meanwhile.
    """
    fd = open_regular(str(path), dir_fd=None, label=str(path), follow=follow)
    try:
        reading = read_once(fd, label=str(path), seal=True, max_bytes=max_bytes)
    finally:
        os.close(fd)
    if reading.sealed is None:
        raise SafetyRefusal("E209", f"`{path}` could not be sealed")
    return SealedFile(reading.sealed, reading.size, "sha256:" + reading.sha256)


def seal_bytes(data: bytes) -> SealedFile:
    """``data`` in a sealed memfd, for what the parent itself wrote (a job description)."""
    source = os.memfd_create("invarlock", os.MFD_CLOEXEC)
    try:
        with open(source, "wb", closefd=False) as file:
            file.write(data)
        reading = read_once(source, label="job", seal=True)
    finally:
        os.close(source)
    if reading.sealed is None:
        raise SafetyRefusal("E209", "`job` could not be sealed")
    return SealedFile(reading.sealed, reading.size, "sha256:" + reading.sha256)
