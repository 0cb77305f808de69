"""Running a script of a test inside a boundary."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from invarlock.artifacts.folder import seal_bytes
from invarlock.security.launch import LaunchRequest, LaunchResult, Mode, execute
from invarlock.security.plan import prepare

SCRIPT = "script.py"
# Runs a file by path with the arguments that follow; both modes start in the folder above `in`.
RUNNER = ("cProfile", "-o", "/dev/null", f"in/{SCRIPT}")
ROOT = os.geteuid() == 0


@contextmanager
def request_for(
    script: str,
    mode: Mode,
    out: Path,
    *,
    inputs: Mapping[str, bytes] | None = None,
    binds: Mapping[str, Path] | None = None,
    timeout_s: float = 30.0,
    progress: Callable[[str], None] | None = None,
    file_bytes: int = 1 << 20,
) -> Iterator[LaunchRequest]:
    """A request whose worker is ``script``; `OUT` in it is the folder it may write."""
    text = f"import sys; IN, OUT = sys.argv[2], sys.argv[4]\n{script}"
    files = {SCRIPT: text.encode(), **(inputs or {})}
    sealed = {path: seal_bytes(data) for path, data in files.items()}
    try:
        yield LaunchRequest(
            mode=mode,
            argv=RUNNER,
            inputs={path: file.fd for path, file in sealed.items()},
            binds=binds or {},
            out=out,
            timeout_s=timeout_s,
            progress=progress,
            file_bytes=file_bytes,
        )
    finally:
        for file in sealed.values():
            file.close()


def run_script(
    script: str,
    mode: Mode,
    out: Path,
    *,
    reshape: Callable[[tuple[str, ...]], tuple[str, ...]] = lambda argv: argv,
    inputs: Mapping[str, bytes] | None = None,
    binds: Mapping[str, Path] | None = None,
    timeout_s: float = 30.0,
    file_bytes: int = 1 << 20,
) -> LaunchResult:
    """Launch ``script``; ``reshape`` tampers with the argument vector on its way."""
    asked = request_for(
        script, mode, out, inputs=inputs, binds=binds, timeout_s=timeout_s, file_bytes=file_bytes
    )
    with asked as request, prepare(request) as plan:
        return execute(replace(plan, argv=reshape(plan.argv)), request)


def private(folder: Path) -> Path:
    """A new private folder for output."""
    out = folder / "out"
    out.mkdir(mode=0o700)
    return out
