"""Baseline results, kept by content and authenticated.

One baseline is compared with many subjects; its forward pass is the same every time. An entry is
found by the digest of everything that could change a number (model, data, schedule, contract,
device, versions, threads, isolation) and carries a MAC under a key that only the parent reads:
it never enters a boundary and signs nothing else (DESIGN section 4).
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from invarlock.canonical import StrictJsonError, canonical_bytes, digest_json, strict_json
from invarlock.errors import EnvironmentFault

_KEY_FILE: Final = "mac.key"
_SEAL_FILE: Final = "entry.json"
_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Entry:
    """A kept result: small records by name, and large files by name."""

    records: Mapping[str, bytes]
    files: Mapping[str, Path]


class BaselineCache:
    """A folder (0700) of authenticated entries; :class:`EnvironmentFault` E606 on tampering."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def load(self, key: Mapping[str, object]) -> Entry | None:
        """The entry for ``key``, its MAC verified, or ``None``."""
        name = digest_json(key).removeprefix("sha256:")
        folder = self._root / name
        if not folder.is_dir() or not (self._root / _KEY_FILE).exists():
            return None
        self._check_private(self._root)
        seal = self._seal_of(folder)
        digests = seal["digests"]
        if not isinstance(digests, dict) or seal["key"] != name:
            raise self._tampered(folder)
        expected = self._mac(name, digests)
        if not hmac.compare_digest(expected, str(seal["mac"])):
            raise self._tampered(folder)
        records: dict[str, bytes] = {}
        files: dict[str, Path] = {}
        for file, digest in digests.items():
            path = folder / file
            if path.is_symlink() or not path.is_file() or _digest_file(path) != digest:
                raise self._tampered(folder)
            if file.endswith(".json"):
                records[file] = path.read_bytes()
            files[file] = path
        return Entry(records, files)

    def store(
        self, key: Mapping[str, object], *, records: Mapping[str, bytes], files: Mapping[str, Path]
    ) -> None:
        """Keep copies of ``records`` and ``files`` under ``key``; an existing entry stays, unless
        the MAC key it was sealed with is gone."""
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._check_private(self._root)
        name = digest_json(key).removeprefix("sha256:")
        if not (self._root / _KEY_FILE).exists():
            shutil.rmtree(self._root / name, ignore_errors=True)
        partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=self._root))
        try:
            for file, data in records.items():
                (partial / file).write_bytes(data)
            for file, source in files.items():
                shutil.copyfile(source, partial / file)
            digests = {path.name: _digest_file(path) for path in sorted(partial.iterdir())}
            seal = {"key": name, "digests": digests, "mac": self._mac(name, digests)}
            (partial / _SEAL_FILE).write_bytes(canonical_bytes(seal))
            if not (self._root / name).exists():
                partial.rename(self._root / name)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _seal_of(self, folder: Path) -> dict[str, object]:
        try:
            seal = strict_json((folder / _SEAL_FILE).read_bytes(), max_bytes=1 << 20)
        except (FileNotFoundError, StrictJsonError) as err:
            raise self._tampered(folder) from err
        if not isinstance(seal, dict) or set(seal) != {"key", "digests", "mac"}:
            raise self._tampered(folder)
        return dict(seal)

    def _mac(self, name: str, digests: object) -> str:
        message = canonical_bytes({"entry": name, "digests": digests})
        return hmac.new(self._mac_key(), message, hashlib.sha256).hexdigest()

    def _mac_key(self) -> bytes:
        path = self._root / _KEY_FILE
        if not path.exists():
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(secrets.token_bytes(_KEY_BYTES))
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(fd, "rb") as file:
            status = os.fstat(file.fileno())
            key = file.read(_KEY_BYTES + 1)
        if len(key) != _KEY_BYTES or status.st_uid != os.geteuid() or status.st_mode & 0o077:
            raise self._tampered(path)
        return key

    def _check_private(self, folder: Path) -> None:
        status = folder.lstat()
        private = stat.S_ISDIR(status.st_mode) and not status.st_mode & 0o022
        if not private or status.st_uid != os.geteuid():
            raise EnvironmentFault(
                "E606", f"cache folder `{folder}` can be written by others", "remove it"
            )

    @staticmethod
    def _tampered(path: Path) -> EnvironmentFault:
        return EnvironmentFault(
            "E606", f"cache entry `{path}` does not match its MAC", "remove it and run again"
        )


def _digest_file(path: Path) -> str:
    with path.open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
