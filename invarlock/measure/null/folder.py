"""A model folder whose weights live in memory alone: the baseline's, with a null edit applied.

Everything else in it links to the baseline's own files, and weights to anonymous memory, so that
what reads a model needs no word of this. Nothing is written to a disk.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from invarlock.artifacts.kinds import is_weights
from invarlock.artifacts.model_files import ModelFiles, open_model
from invarlock.artifacts.safetensors_header import read_tensor
from invarlock.measure.job import NullEdit, NullKind
from invarlock.measure.null.changes import Change

_CHUNK = 1 << 24


@contextmanager
def null_model(folder: Path, edit: NullEdit) -> Iterator[tuple[Path, NullKind]]:
    """A folder with the model of ``folder`` after ``edit``, and the kind that was applied.

    Raises what :func:`open_model` raises; :class:`OSError` when memory gives out.
    """
    with ExitStack() as stack:
        made = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="null-")))
        files = stack.enter_context(open_model(folder))
        for name in os.listdir(folder):
            if not is_weights(name):
                (made / name).symlink_to((folder / name).absolute())
        change = Change(edit, files.tensors)
        for shard in files.headers:
            memory = os.memfd_create(f"null-{shard}", os.MFD_CLOEXEC)
            stack.callback(os.close, memory)
            _write_shard(files, shard, change, memory)
            (made / shard).symlink_to(f"/proc/self/fd/{memory}")
        yield made, change.kind


def _write_shard(files: ModelFiles, shard: str, change: Change, memory: int) -> None:
    """Copy a shard, then put the changed tensors in their places, one at a time."""
    source, header = files.descriptors[shard], files.headers[shard]
    at = 0
    while at < header.size:
        at += os.pwrite(memory, os.pread(source, _CHUNK, at), at)
    for entry in header.tensors:
        changed = change(entry.name, read_tensor(source, entry, label=shard))
        view, done = memoryview(changed or b""), 0
        while done < len(view):
            done += os.pwrite(memory, view[done:], entry.start + done)
