"""What a Python process needs of the file system to run this package, and nothing else."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import invarlock
from invarlock.errors import SafetyRefusal

SYSTEM: Final = Path("/usr")
"""Bound as a whole: system libraries, and the interpreter where a distribution provides it."""

_TOO_WIDE: Final = frozenset({"/", "/home", "/root", "/tmp", "/var", "/etc", "/opt"})  # noqa: S108 - compared with, never written to
_MAX_HOPS: Final = 16


@dataclass(frozen=True, slots=True)
class Interpreter:
    """How to run this package: ``executable`` as started here, ``folders`` to show read-only at
    their own paths, ``links`` to recreate (path, target), and ``import_root``, which must be on
    ``sys.path`` for ``invarlock`` to be importable (an editable install has it elsewhere)."""

    executable: Path
    folders: tuple[Path, ...]
    links: tuple[tuple[Path, str], ...]
    import_root: Path


def find_interpreter() -> Interpreter:
    """This process's own interpreter, virtual environment and package.

    Raises SafetyRefusal E302 when the environment is so placed that showing it would show a whole
    home folder or more.
    """
    executable = Path(sys.executable)
    package = Path(next(iter(invarlock.__path__))).absolute()
    prefixes = [Path(p) for p in (sys.prefix, sys.base_prefix, sys.exec_prefix)]
    wanted = [*prefixes, *(prefix.resolve() for prefix in prefixes), package]
    folders = _outermost(wanted)
    for folder in folders:
        if str(folder) in _TOO_WIDE or folder == Path.home():
            raise SafetyRefusal(
                "E302", f"`{folder}` would be shown whole", "use a virtual environment of its own"
            )
    return Interpreter(executable, folders, _links(executable, folders), package.parent)


def _outermost(folders: list[Path]) -> tuple[Path, ...]:
    """Sorted, without /usr and without what lies in another one."""
    kept: list[Path] = [SYSTEM]
    for folder in sorted(set(folders), key=lambda path: (len(path.parts), path)):
        if not any(folder.is_relative_to(other) for other in kept):
            kept.append(folder)
    return tuple(sorted(kept[1:]))


def _links(executable: Path, folders: tuple[Path, ...]) -> tuple[tuple[Path, str], ...]:
    """Links on the way from the executable to its binary that no shown folder holds."""
    found, current = [], executable
    for _ in range(_MAX_HOPS):
        if not current.is_symlink():
            break
        target = os.readlink(current)
        if not any(current.is_relative_to(folder) for folder in (SYSTEM, *folders)):
            found.append((current, target))
        current = Path(os.path.normpath(current.parent / target))
    return tuple(found)
