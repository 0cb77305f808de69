"""The Python environment that a boundary shows, as its parent sees it: names, versions, records.

A boundary runs the parent's own interpreter and shows its folders read-only, so that what is
installed for one is installed for the other. Nothing is imported and nothing else is read: not
where a distribution came from, which may hold a credential, and no variable of the environment.
"""

from __future__ import annotations

import hashlib
import platform
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import invarlock
from invarlock.evidence.schema import Digest


@dataclass(frozen=True, slots=True)
class Installed:
    """A distribution: normalised name, version, and the digest of its ``RECORD``, which holds the
    digests of its files as they were installed; ``None`` where there is no record."""

    name: str
    version: str
    record: Digest | None


@dataclass(frozen=True, slots=True)
class Environment:
    """What is installed, sorted by name, and the interpreter: version, digest of its binary."""

    python: str
    interpreter: Digest | None
    installed: tuple[Installed, ...]


def normalised(name: str) -> str:
    """A distribution's name in the spelling of the Python Packaging Authority."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_environment() -> Environment:
    """The environment of this process's interpreter, which its boundaries share."""
    found: dict[str, Installed] = {}
    for folder in _shown():
        for one in _distributions(folder):
            found.setdefault(one.name, one)
    return Environment(
        python=platform.python_version(),
        interpreter=_digest(Path(sys.executable)),
        installed=tuple(found[name] for name in sorted(found)),
    )


def _shown() -> Iterator[Path]:
    """The folders of ``sys.path`` below the interpreter's own, or where this package lies."""
    package = Path(next(iter(invarlock.__path__))).resolve().parent
    prefixes = {Path(p).resolve() for p in (sys.prefix, sys.base_prefix, sys.exec_prefix)}
    for entry in sys.path:
        path = Path(entry).resolve()
        own = path == package or any(path.is_relative_to(prefix) for prefix in prefixes)
        if entry and own and path.is_dir():
            yield path


def _distributions(folder: Path) -> Iterator[Installed]:
    from importlib.metadata import PathDistribution

    for path in sorted(folder.iterdir()):
        if path.suffix not in {".dist-info", ".egg-info"}:
            continue
        meta = PathDistribution(path).metadata
        if "Name" in meta and "Version" in meta:
            name = normalised(meta["Name"])
            yield Installed(name, meta["Version"], _digest(path / "RECORD"))


def _digest(path: Path) -> Digest | None:
    try:
        with path.open("rb") as stream:
            return "sha256:" + hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return None
