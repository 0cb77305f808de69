"""The program inside the boundary for a log: ``python -m invarlock.measure.logs.worker``."""

from __future__ import annotations

import sys

from invarlock.measure.job import ArmAnswer
from invarlock.measure.logs.job import LogJob
from invarlock.measure.worker import Folders, serve


def main(argv: list[str]) -> int:
    """Run the job of ``argv``; the exit code."""
    return serve(argv, LogJob, _read)


def _read(job: LogJob, folders: Folders) -> ArmAnswer:
    from invarlock.measure.logs.arm import run_log

    return run_log(job, folders.inputs, folders.out)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
