"""Whether files look touched, without reading them: sizes, times and inodes of a folder's files.

Cheap, and no proof: who may write a file may set its time. What proves is hashing, on schedule.
"""

from __future__ import annotations

import os
from pathlib import Path

from invarlock.artifacts.listing import item_path, list_items, open_root
from invarlock.errors import EnvironmentFault, SafetyRefusal

Stamps = tuple[tuple[object, ...], ...]


def stamps_of(model: Path) -> Stamps:
    """What the file system says of every file; an empty tuple where it cannot be told."""
    try:
        with open_root(model) as root:
            return tuple((item.path, *_stamp(item_path(root, item))) for item in list_items(root))
    except (EnvironmentFault, SafetyRefusal, OSError):
        return ()


def _stamp(path: Path) -> tuple[int, ...]:
    facts = os.stat(path, follow_symlinks=False)
    return (facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)
