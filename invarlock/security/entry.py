"""The first thing that runs inside a boundary: observe, report, wait for leave, then work.

Protocol, over two inherited pipes. The child writes one JSON line with its observation, and reads
one byte: the parent has meanwhile looked at it from outside and writes that byte only if both views
are acceptable. No model byte is opened before. When the work ends the child writes a second line
with what its tripwires refused; by then the model may have run, so that line is only its word.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import runpy
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

from invarlock.security import guard
from invarlock.security.probe import probe_inside

NOT_GIVEN_LEAVE: Final = 125
"""Exit code of a child whose parent went away or refused."""

_PR_SET_PDEATHSIG: Final = 1

BOOTSTRAP: Final = (
    "import sys;"
    "sys.argv[1] in sys.path or sys.path.insert(0, sys.argv[1]);"
    "from invarlock.security.entry import main;"
    "main(sys.argv[2:])"
)
"""Given to ``python -I -c``. Isolated mode ignores PYTHONPATH, so the package's place is passed."""


def main(argv: list[str]) -> None:
    """``REPORT_FD LEAVE_FD PORT FILE_BYTES MODULE ARG… --in DIR --out DIR``."""
    report, leave, port, file_bytes = (int(word) for word in argv[:4])
    module, *rest = argv[4:]
    for fd in (report, leave):
        os.set_inheritable(fd, False)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    _limit(file_bytes)
    seen = probe_inside(port, Path(rest[rest.index("--in") + 1]))
    _tell(report, {"inside": seen.model_dump(mode="json")})
    granted = os.read(leave, 1)
    os.close(leave)
    if granted != b"g":
        os._exit(NOT_GIVEN_LEAVE)
    guard.arm(programs=False)
    sys.argv = [module, *rest]
    code: object = 0
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code
    finally:
        done = guard.refused()
        counts = {"connections": done.connections, "permissions": done.permissions}
        _tell(report, {"refused": counts})
    _end(code)


def _end(code: object) -> NoReturn:
    """End the process at once: what the work wrote is written, and taking a model library apart
    object by object takes a second."""
    if code is not None and not isinstance(code, int):
        raise SystemExit(code)
    with suppress(OSError):  # nobody is left to read it
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit((code or 0) & 0xFF)


def _limit(file_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))


def _tell(fd: int, message: dict[str, object]) -> None:
    line = (json.dumps(message) + "\n").encode()
    while line:
        line = line[os.write(fd, line) :]
