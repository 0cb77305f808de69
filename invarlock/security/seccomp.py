"""The system-call filter of the sandbox, as BPF bytes.

Default allow; what the sandboxed process never needs and what widens the kernel's attack surface
fails with EPERM. Sockets are AF_UNIX only: denying those too makes a torch DataLoader hang.
``clone3`` fails with ENOSYS, because its flags cannot be filtered and the C library then falls
back to ``clone``, whose flags can. Other architectures (x32, i386) are killed.
"""

from __future__ import annotations

import errno
import hashlib
import os
import socket
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from invarlock.errors import EnvironmentFault

DENIED: Final = (
    "acct",
    "add_key",
    "adjtimex",
    "bpf",
    "chroot",
    "clock_adjtime",
    "clock_settime",
    "delete_module",
    "fanotify_init",
    "finit_module",
    "fsconfig",
    "fsmount",
    "fsopen",
    "fspick",
    "init_module",
    "io_uring_enter",
    "io_uring_register",
    "io_uring_setup",
    "kcmp",
    "kexec_file_load",
    "kexec_load",
    "keyctl",
    "lookup_dcookie",
    "mount",
    "mount_setattr",
    "move_mount",
    "name_to_handle_at",
    "open_by_handle_at",
    "open_tree",
    "perf_event_open",
    "personality",
    "pidfd_getfd",
    "pivot_root",
    "process_vm_readv",
    "process_vm_writev",
    "ptrace",
    "quotactl",
    "quotactl_fd",
    "reboot",
    "request_key",
    "setdomainname",
    "sethostname",
    "setns",
    "settimeofday",
    "swapoff",
    "swapon",
    "syslog",
    "umount2",
    "unshare",
    "userfaultfd",
    "vhangup",
)
"""System calls that always fail with EPERM; a name the architecture lacks is skipped."""

_CLONE_NEW: Final = (0x80, 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000)
_CLONE_NEW_NET: Final = 0x40000000
_TIOCSTI: Final = 0x5412
_TIOCLINUX: Final = 0x541C
_HIGH_WORD: Final = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Filter:
    """The program for ``bwrap --seccomp``, and its sha256 as ``sha256:…``."""

    program: bytes
    digest: str


@cache
def build_filter() -> Filter:
    """The filter for this machine's architecture; the same bytes every time.

    Raises EnvironmentFault E605 when pyseccomp or libseccomp is not installed.
    """
    seccomp = _library()
    rules = seccomp.SyscallFilter(seccomp.ALLOW)
    deny = seccomp.ERRNO(errno.EPERM)
    for name in DENIED:
        _add(seccomp, rules, deny, name)
    _add(seccomp, rules, seccomp.ERRNO(errno.ENOSYS), "clone3")
    for flag in (*_CLONE_NEW, _CLONE_NEW_NET):
        _add(seccomp, rules, deny, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, flag, flag))
    for name in ("socket", "socketpair"):
        _add(seccomp, rules, deny, name, seccomp.Arg(0, seccomp.NE, int(socket.AF_UNIX)))
    for request in (_TIOCSTI, _TIOCLINUX):
        # Only the low word counts to the kernel: high bits must not slip past the comparison.
        _add(seccomp, rules, deny, "ioctl", seccomp.Arg(1, seccomp.MASKED_EQ, _HIGH_WORD, request))
    program = _export(rules)
    return Filter(program, "sha256:" + hashlib.sha256(program).hexdigest())


def _library() -> Any:
    try:
        import pyseccomp
    except (ImportError, RuntimeError) as err:
        raise EnvironmentFault(
            "E605",
            "`pyseccomp` is not usable",
            "pip install 'invarlock[hf]'; apt install libseccomp2",
        ) from err
    return pyseccomp


def _add(seccomp: Any, rules: Any, action: int, name: str, *args: Any) -> None:
    try:
        number = seccomp.resolve_syscall(seccomp.Arch.NATIVE, name)
    except ValueError:
        return
    if number >= 0:
        rules.add_rule(action, name, *args)


def _export(rules: Any) -> bytes:
    fd = os.memfd_create("seccomp", os.MFD_CLOEXEC)
    with open(fd, "r+b", buffering=0) as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()
