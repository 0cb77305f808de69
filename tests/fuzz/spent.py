"""Runs a command and writes what it took: ``python -m tests.fuzz.spent FILE COMMAND…``.

A process of its own, for a small parent: on Linux the peak memory of a child begins at that of the
process it was forked from, until it grows beyond it.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path


def main(place: str, *command: str) -> int:
    """Write CPU seconds and peak bytes of the command to a file, as JSON; its exit code."""
    code = subprocess.run(command, check=False).returncode
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = {"seconds": used.ru_utime + used.ru_stime, "memory": used.ru_maxrss << 10}
    Path(place).write_text(json.dumps(spent))
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
