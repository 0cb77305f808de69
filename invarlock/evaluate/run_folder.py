"""The folder of a run: written beside its place, renamed when it is whole."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from invarlock.errors import UsageFault


@contextmanager
def new_run_folder(out: Path) -> Iterator[Path]:
    """A private folder that becomes ``out`` when the block ends, and vanishes when it fails.

    A reader therefore never sees a half-written run. Raises :class:`UsageFault` E702 when ``out``
    exists, before anything is measured; :class:`OSError` from the file system passes through.
    """
    check_free(out)
    parent = out.absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".partial", dir=parent))
    try:
        yield partial
        check_free(out)
        partial.chmod(0o755)
        partial.rename(out)
    finally:
        if partial.exists():
            shutil.rmtree(partial, ignore_errors=True)


def check_free(out: Path) -> None:
    """Raise :class:`UsageFault` E702 when something stands at ``out`` already."""
    if os.path.lexists(out):
        raise UsageFault("E702", f"`{out}` exists already", "choose another --out, or remove it")


def write_file(path: Path, data: bytes) -> None:
    """Write ``data`` to a new file and flush it to the disk, so that a full one is noticed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
