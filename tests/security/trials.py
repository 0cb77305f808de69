"""Inside a boundary: try each thing a closed one denies and write down what happened.

This file is the script itself; `IN`, `OUT` and `PORT` are set by what runs it. It uses nothing but
the standard library, and asks the kernel directly so that no Python-level guard answers for it.
"""

import ctypes
import errno
import fcntl
import json
import os
import pathlib
import platform
import socket
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
X86 = platform.machine() == "x86_64"
NUMBERS = {
    # x86_64, aarch64
    "mount": (165, 40),
    "ptrace": (101, 117),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "io_uring_setup": (425, 425),
    "clone3": (435, 435),
    "setns": (308, 268),
    "unshare": (272, 97),
    "open_by_handle_at": (304, 265),
    "process_vm_readv": (310, 270),
    "personality": (135, 92),
    "clone": (56, 220),
}


def trial(deed):
    try:
        deed()
    except OSError as err:
        return errno.errorcode.get(err.errno, str(err.errno))
    return "open"


def call(name, *args):
    number = NUMBERS[name][0 if X86 else 1]

    def deed():
        if LIBC.syscall(number, *args) < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))

    return deed


def forked(deed):
    """Try in a child, since success would change the process."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(write_end, trial(deed).encode())
        os._exit(0)
    os.close(write_end)
    os.waitpid(pid, 0)
    said = os.read(read_end, 64).decode()
    os.close(read_end)
    return said


def connect(family, kind, address):
    # libc, not the socket module: the tripwire must not be what answers.
    def deed():
        fd = LIBC.socket(family, kind, 0)
        if fd < 0:
            raise OSError(ctypes.get_errno(), "socket")
        try:
            port = socket.htons(address[1]).to_bytes(2, sys.byteorder)
            raw = int(family).to_bytes(2, sys.byteorder) + port + socket.inet_aton(address[0])
            raw += bytes(8)
            if LIBC.connect(fd, raw, len(raw)) < 0:
                raise OSError(ctypes.get_errno(), "connect")
        finally:
            os.close(fd)

    return deed


def unix_pair():
    left, right = socket.socketpair()
    left.close()
    right.close()


def clone_new_user():
    pid = LIBC.syscall(NUMBERS["clone"][0 if X86 else 1], 0x10000000 | 17, None, None, None, None)
    if pid < 0:
        raise OSError(ctypes.get_errno(), "clone")
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def netlink():
    fd = LIBC.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "socket")
    os.close(fd)


def write(path):
    return lambda: os.close(os.open(path, os.O_WRONLY))


def create(folder):
    return lambda: os.close(os.open(folder, os.O_TMPFILE | os.O_WRONLY, 0o600))


def environments():
    seen = "\n".join(f"{name}={value}" for name, value in os.environ.items())
    for path in pathlib.Path("/proc").glob("[0-9]*/environ"):
        try:
            seen += path.read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
    return "CANARY" in seen


SPACE = ctypes.create_string_buffer(256)
RESULT = {
    "tcp loopback": trial(connect(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", PORT))),  # noqa: F821 - set by the runner
    "udp": trial(connect(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 9))),
    "netlink": trial(netlink),
    "unix pair": trial(unix_pair),
    "create in /": trial(create("/")),
    "create in /usr": trial(create("/usr")),
    "create in inputs": trial(create(IN)),  # noqa: F821 - set by the runner
    "create in interpreter": trial(create(sys.prefix)),
    "create in out": trial(create(OUT)),  # noqa: F821 - set by the runner
    "kernel setting": trial(write("/proc/sys/kernel/core_pattern")),
    "read passwd": trial(lambda: open("/etc/passwd").close()),
    "user namespace": forked(call("unshare", 0x10000000)),
    "clone new user": forked(clone_new_user),
    "mount": trial(call("mount", b"none", b"/nowhere", b"tmpfs", 0, None)),
    "ptrace": forked(call("ptrace", 0, 0, 0, 0)),
    "keyctl": trial(call("keyctl", 0, -3, 0)),
    "bpf": trial(call("bpf", 0, SPACE, 0)),
    "io_uring": trial(call("io_uring_setup", 1, SPACE)),
    "clone3": trial(call("clone3", None, 0)),
    "setns": trial(call("setns", -1, 0)),
    "open_by_handle_at": trial(call("open_by_handle_at", -1, SPACE, 0)),
    "process_vm_readv": trial(call("process_vm_readv", os.getpid(), None, 0, None, 0, 0)),
    "personality": trial(call("personality", 0xFFFFFFFF)),
    "terminal input": trial(lambda: fcntl.ioctl(0, 0x5412, b"x")),
    "canary": environments(),
    "processes": sum(1 for name in os.listdir("/proc") if name.isdigit()),
    "host name": platform.node(),
}
pathlib.Path(OUT, "result.json").write_text(json.dumps(RESULT))  # noqa: F821 - set by the runner
