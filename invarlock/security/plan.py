"""What to launch, and making it ready: descriptors, environment, argument vector."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from invarlock.canonical import digest_json
from invarlock.errors import InternalFault
from invarlock.security.bubblewrap import IN, OUT, Layout, build_argv, find_bubblewrap
from invarlock.security.channels import Channels, open_channels
from invarlock.security.entry import BOOTSTRAP
from invarlock.security.interpreter import Interpreter, find_interpreter
from invarlock.security.manifest import Tool
from invarlock.security.paths import secure_tempdir
from invarlock.security.process import Progress
from invarlock.security.seccomp import build_filter

Mode = Literal["sandbox", "host"]

SETTABLE: Final = frozenset(
    {
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "NPY_DISABLE_CPU_FEATURES",
        "ATEN_CPU_CAPABILITY",
        "CUBLAS_WORKSPACE_CONFIG",
        "TOKENIZERS_PARALLELISM",
    }
)
"""Variables that a request may set inside; none can carry a secret or change what is loaded."""

_FIXED: Final = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "USER": "invarlock",
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "PYDANTIC_DISABLE_PLUGINS": "__all__",
    "TOKENIZERS_PARALLELISM": "false",
}
_BOUNDARY_PATH: Final = re.compile(r"(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9_.\-]*(/[A-Za-z0-9_.\-]+)*")


@dataclass(frozen=True, slots=True)
class LaunchRequest:
    """What to run, and everything it is given.

    ``argv`` is a module of this package and its arguments; ``--in DIR --out DIR`` is appended.
    ``inputs`` map paths below DIR to sealed descriptors, ``binds`` to files shown read-only.
    ``out`` is a private folder that the caller made. ``environment`` may set names of
    :data:`SETTABLE`. ``timeout_s`` is wall-clock seconds for everything; ``file_bytes``
    caps each file written. ``progress`` is called with every line the child prints, sanitised.
    """

    mode: Mode
    argv: tuple[str, ...]
    inputs: Mapping[str, int]
    out: Path
    timeout_s: float
    binds: Mapping[str, Path] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    file_bytes: int = 16 << 30
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A launch made ready: the argument vector and the descriptors it names."""

    argv: tuple[str, ...]
    pass_fds: tuple[int, ...]
    environment: Mapping[str, str]
    cwd: str
    channels: Channels
    tool: Tool


@contextmanager
def prepare(request: LaunchRequest) -> Iterator[Plan]:
    """Open what the launch needs and build its argument vector. Raises like :func:`launch`."""
    _check(request)
    with open_channels(request.progress) as channels:
        make = _sandbox_plan if request.mode == "sandbox" else _host_plan
        with make(request, channels) as plan:
            yield plan


def _check(request: LaunchRequest) -> None:
    for path in (*request.inputs, *request.binds):
        if not _BOUNDARY_PATH.fullmatch(path):
            raise InternalFault("E901", f"`{path}` cannot be a path of the boundary")
    for name in request.environment:
        if name not in SETTABLE:
            raise InternalFault("E901", f"`{name}` may not be set in the boundary")


def _command(
    request: LaunchRequest, channels: Channels, where: Interpreter, folders: tuple[str, str]
) -> tuple[str, ...]:
    return (
        *(str(where.executable), "-I", "-B", "-c", BOOTSTRAP, str(where.import_root)),
        *(str(channels.report_w), str(channels.leave_r), str(channels.port)),
        *(str(request.file_bytes), *request.argv),
        *("--in", folders[0], "--out", folders[1]),
    )


@contextmanager
def _sandbox_plan(request: LaunchRequest, channels: Channels) -> Iterator[Plan]:
    tool, rules, where = find_bubblewrap(), build_filter(), find_interpreter()
    seccomp_fd = os.memfd_create("seccomp", os.MFD_CLOEXEC)
    try:
        os.write(seccomp_fd, rules.program)
        os.lseek(seccomp_fd, 0, os.SEEK_SET)
        layout = Layout(
            interpreter=where,
            inputs=request.inputs,
            binds=request.binds,
            out=request.out,
            environment={**_FIXED, "HOME": "/tmp", "TMPDIR": "/tmp", **request.environment},  # noqa: S108 - the sandbox's own tmpfs
            seccomp_fd=seccomp_fd,
            status_fd=channels.status_w,
        )
        argv = build_argv(tool.path, layout, _command(request, channels, where, (IN, OUT)))
        yield Plan(
            argv=argv,
            pass_fds=(
                *(channels.report_w, channels.leave_r, channels.status_w, seccomp_fd),
                *request.inputs.values(),
            ),
            environment={},
            cwd="/",
            channels=channels,
            tool=Tool(
                kernel=platform.release(),
                bwrap_version=tool.version,
                bwrap_sha256=tool.digest,
                argv_digest=digest_json(list(argv)),
                seccomp_sha256=rules.digest,
            ),
        )
    finally:
        os.close(seccomp_fd)


@contextmanager
def _host_plan(request: LaunchRequest, channels: Channels) -> Iterator[Plan]:
    with secure_tempdir() as home:
        _link_inputs(home / "in", request)
        folders = (str(home / "in"), str(request.out))
        argv = _command(request, channels, find_interpreter(), folders)
        yield Plan(
            argv=argv,
            pass_fds=(channels.report_w, channels.leave_r, *request.inputs.values()),
            environment={**_FIXED, "HOME": str(home), "TMPDIR": str(home), **request.environment},
            cwd=str(home),
            channels=channels,
            tool=Tool(kernel=platform.release(), argv_digest=digest_json(list(argv))),
        )


def _link_inputs(folder: Path, request: LaunchRequest) -> None:
    targets = {path: Path(f"/proc/self/fd/{fd}") for path, fd in request.inputs.items()}
    folder.mkdir(mode=0o700)
    for path, target in {**targets, **request.binds}.items():
        (folder / path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / path).symlink_to(target)
