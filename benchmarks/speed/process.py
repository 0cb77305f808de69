"""Whole processes, and what each cost: wall time, processor time, peak memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PYTHON: Final = sys.executable
INVARLOCK: Final = str(Path(sys.executable).parent / "invarlock")
THREADS: Final = str(len(os.sched_getaffinity(0)))
# An installed package has its bytecode; without a cache every cold start would compile it anew.
ENVIRONMENT: Final = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
_SAMPLE_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class Ran:
    """One process from start to exit.

    ``wall`` and ``worked`` are seconds, the latter of all processors and with all descendants;
    ``peak`` is the largest resident size in bytes that any one process of them reached, as
    `/usr/bin/time` tells it.
    """

    wall: float
    worked: float
    peak: int
    printed: str


def call(argv: Sequence[str], *, allowed: Sequence[int] = (0,)) -> Ran:
    """Run ``argv`` to its end; SystemExit when it ends otherwise than ``allowed``."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        start = time.perf_counter()
        process = subprocess.Popen(argv, stdout=out, stderr=err, env=ENVIRONMENT)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        for stream in (out, err):
            stream.seek(0)
        if process.returncode not in allowed:
            raise SystemExit(f"{' '.join(argv)} gave {process.returncode}:\n{err.read()}")
        return Ran(wall, used.ru_utime + used.ru_stime, used.ru_maxrss << 10, out.read())


def peak_of_tree(argv: Sequence[str], *, allowed: Sequence[int] = (0,)) -> int:
    """The largest memory in bytes that all processes of a command held together.

    Proportional sizes, so that shared pages count once; looked at every 20 ms, which slows the
    command down: no time is taken here.
    """
    most = 0
    with subprocess.Popen(
        argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT
    ) as process:
        while process.poll() is None:
            most = max(most, sum(_proportional(pid) for pid in _tree(process.pid)))
            time.sleep(_SAMPLE_S)
    assert process.returncode in allowed, f"{' '.join(argv)} gave {process.returncode}"
    return most


def _tree(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        with suppress(OSError):
            tasks = Path(f"/proc/{parent}/task").glob("*/children")
            found += [int(child) for task in tasks for child in task.read_text().split()]
    return found


def _proportional(pid: int) -> int:
    with suppress(OSError):  # it may have ended meanwhile
        for row in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if row.startswith("Pss:"):
                return int(row.split()[1]) << 10
    return 0
