"""The bubblewrap command line: a pure function from what is wanted to an argument vector.

Every flag is there for an observation that fails without it (tests drop each one in turn). Three
are easy to miss: without ``--remount-ro /`` the root is a writable tmpfs; without
``--disable-userns`` a namespace can be nested, which brings capabilities back; and without
``--remount-ro /proc`` a sandbox started by root can write the kernel's settings (the owner of
``/proc/sys/kernel/core_pattern`` is root, and no capability is asked for), which is a way out.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from invarlock.errors import SafetyRefusal
from invarlock.security.interpreter import SYSTEM, Interpreter
from invarlock.security.process import sanitise

IN: Final = "/in"
OUT: Final = "/out"
MINIMUM: Final = (0, 8, 0)
INSTALL_HINT: Final = "apt install bubblewrap, or pass --execution-mode host"

_NOBODY: Final = "65534"
_TMP_BYTES: Final = 256 << 20
_SHM_BYTES: Final = 64 << 20
_VERSION: Final = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_VERSION_TIMEOUT_S: Final = 10.0

_NAMESPACES: Final = (
    "--unshare-all",
    "--unshare-user",
    "--unshare-cgroup",
    "--disable-userns",
    "--assert-userns-disabled",
)
_LIFE: Final = ("--die-with-parent", "--new-session", "--as-pid-1", "--hostname", "invarlock")
_IDENTITY: Final = ("--uid", _NOBODY, "--gid", _NOBODY, "--cap-drop", "ALL")
_MERGED_USR: Final = (("usr/bin", "/bin"), ("usr/lib", "/lib"), ("usr/lib64", "/lib64"))
_LOADER_CACHE: Final = "/etc/ld.so.cache"
_READ_ONLY: Final = ("/", "/dev", "/proc")


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """The program found: ``path``, ``version`` text, and ``digest`` of its file (``sha256:…``)."""

    path: Path
    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class Layout:
    """What the sandbox shows and which descriptors it is given.

    ``inputs`` are boundary paths below :data:`IN` to inherited descriptors, ``binds`` the same to
    files or folders on disk, ``out`` the one folder it may write.
    """

    interpreter: Interpreter
    inputs: Mapping[str, int]
    binds: Mapping[str, Path]
    out: Path
    environment: Mapping[str, str]
    seccomp_fd: int
    status_fd: int


def find_bubblewrap() -> Bubblewrap:
    """The bubblewrap on PATH. Raises SafetyRefusal E301 when absent, broken or before 0.8.0."""
    found = shutil.which("bwrap")
    if found is None:
        raise SafetyRefusal("E301", "`bwrap` is not installed", INSTALL_HINT)
    path = Path(found).resolve()
    try:
        shown = subprocess.run(
            [path, "--version"],
            capture_output=True,
            check=True,
            timeout=_VERSION_TIMEOUT_S,
            env={},
        ).stdout.decode("ascii", "replace")
        digest = "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
    except (OSError, subprocess.SubprocessError) as err:
        raise SafetyRefusal("E301", f"`{path}` does not run", INSTALL_HINT) from err
    match = _VERSION.search(shown)
    if match is None or tuple(int(part) for part in match.groups()) < MINIMUM:
        wanted = ".".join(str(part) for part in MINIMUM)
        raise SafetyRefusal("E301", f"`{path}` is too old", f"install bubblewrap {wanted} or newer")
    return Bubblewrap(path, match.group(), digest)


def check_usable(tool: Bubblewrap) -> None:
    """Make an empty sandbox once, before anything large is read.

    Raises SafetyRefusal E301 with bubblewrap's own words where the system forbids it (AppArmor on
    Ubuntu, the default seccomp profile of Docker, namespaces switched off).
    """
    argv = (str(tool.path), *_NAMESPACES, *_LIFE, *_IDENTITY, *_system(), "--", "/usr/bin/true")
    try:
        done = subprocess.run(
            argv, capture_output=True, check=False, timeout=_VERSION_TIMEOUT_S, env={}
        )
    except (OSError, subprocess.TimeoutExpired) as err:
        raise SafetyRefusal("E301", f"`{tool.path}` does not run", INSTALL_HINT) from err
    if done.returncode != 0:
        lines = sanitise(done.stderr).strip().splitlines() or ["it said nothing"]
        raise SafetyRefusal(
            "E301",
            f"bubblewrap cannot make a sandbox here: `{lines[-1][:200]}`",
            "allow unprivileged user namespaces, or pass --execution-mode host",
        )


def build_argv(bwrap: Path, layout: Layout, command: tuple[str, ...]) -> tuple[str, ...]:
    """The whole argument vector that runs ``command`` in the sandbox."""
    return (
        str(bwrap),
        *_NAMESPACES,
        *_LIFE,
        *_IDENTITY,
        "--clearenv",
        *(part for name, value in layout.environment.items() for part in ("--setenv", name, value)),
        *_system(),
        *("--size", str(_TMP_BYTES), "--tmpfs", "/tmp"),  # noqa: S108 - a tmpfs of the sandbox
        *("--size", str(_SHM_BYTES), "--tmpfs", "/dev/shm"),  # noqa: S108 - likewise
        *_interpreter(layout.interpreter),
        *_inputs(layout),
        *("--bind", str(layout.out), OUT),
        *("--chdir", "/"),
        *(part for point in _READ_ONLY for part in ("--remount-ro", point)),
        *("--seccomp", str(layout.seccomp_fd), "--json-status-fd", str(layout.status_fd)),
        "--",
        *command,
    )


def _system() -> tuple[str, ...]:
    links = tuple(
        part
        for target, link in _MERGED_USR
        if (Path("/") / target).exists()
        for part in ("--symlink", target, link)
    )
    cache = ("--ro-bind-try", _LOADER_CACHE, _LOADER_CACHE)
    return (
        *("--ro-bind", str(SYSTEM), str(SYSTEM)),
        *links,
        *cache,
        *("--proc", "/proc", "--dev", "/dev"),
    )


def _interpreter(interpreter: Interpreter) -> tuple[str, ...]:
    folders = (("--ro-bind", str(path), str(path)) for path in interpreter.folders)
    links = (("--symlink", target, str(path)) for path, target in interpreter.links)
    return tuple(part for triple in (*folders, *links) for part in triple)


def _inputs(layout: Layout) -> tuple[str, ...]:
    sealed = (
        ("--symlink", f"/proc/self/fd/{fd}", f"{IN}/{path}") for path, fd in layout.inputs.items()
    )
    bound = (("--ro-bind", str(disk), f"{IN}/{path}") for path, disk in layout.binds.items())
    return ("--dir", IN, *(part for triple in (*sealed, *bound) for part in triple))
