"""The tripwire: armed in processes of their own, because an audit hook stays for good."""

from __future__ import annotations

import subprocess
import sys

import pytest

PRELUDE = """
import os, socket, subprocess, sys
from invarlock.errors import SafetyRefusal
from invarlock.security import enforce_default_security, guard, temporarily_allow_network
listener = socket.socket(); listener.bind(("127.0.0.1", 0)); listener.listen()
address = listener.getsockname()
def refused(deed):
    try:
        deed()
    except SafetyRefusal as err:
        return err.code
    except PermissionError:
        return "permission"
    return "open"
"""


def said(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + code],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path), **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


ATTEMPTS = [
    "socket.create_connection(address)",
    "socket.socket().connect(address)",
    "__import__('_socket').socket().connect(address)",
    "socket.socket().bind(('127.0.0.1', 0))",
    "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', address)",
    "socket.getaddrinfo('localhost', 1)",
    "socket.gethostbyname('localhost')",
]


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_network_is_refused_once_armed(attempt: str) -> None:
    code = f"""
deed = lambda: {attempt}
before = refused(deed)
enforce_default_security()
print(before, refused(deed), guard.refused().connections)
"""
    assert said(code) == "open E305 1"


def test_unix_sockets_and_files_are_not_network() -> None:
    code = """
enforce_default_security()
left, right = socket.socketpair()
link = socket.socket(socket.AF_UNIX)
link.bind("\\0invarlock-test-%d" % os.getpid())
open("/dev/null").close()
subprocess.run(["true"], check=True)
print(guard.refused())
"""
    assert said(code) == "Refused(connections=0, permissions=0)"


def test_arming_twice_counts_once() -> None:
    code = """
print(enforce_default_security(), enforce_default_security())
refused(lambda: socket.socket().connect(address))
print(guard.refused().connections)
"""
    assert said(code) == "True True\n1"


def test_the_network_can_be_allowed_for_a_while() -> None:
    code = """
import threading
enforce_default_security()
deed = lambda: socket.create_connection(address).close()
results = []
with temporarily_allow_network():
    results.append(refused(deed))
    other = threading.Thread(target=lambda: results.append(refused(deed)))
    other.start(); other.join()
results.append(refused(deed))
print(results)
"""
    assert said(code) == "['open', 'E305', 'E305']"


def test_the_environment_allows_it_by_one_word_only() -> None:
    code = "print(enforce_default_security(), refused(lambda: socket.create_connection(address)))"
    assert said(code, INVARLOCK_ALLOW_NETWORK="1") == "False open"
    assert said(code, INVARLOCK_ALLOW_NETWORK="yes") == "True E305"
    assert said(code, INVARLOCK_ALLOW_NETWORK="0") == "True E305"


def test_programs_are_refused_when_asked() -> None:
    code = """
run = lambda: subprocess.run(["true"], check=True)
before = refused(run)
guard.arm(programs=True)
print(before, refused(run), refused(lambda: os.system("true")), guard.refused().permissions)
"""
    assert said(code) == "open permission permission 2"


@pytest.mark.sandbox
def test_an_armed_parent_can_launch_and_stays_armed() -> None:
    """The launcher's own listener is let through, and nothing else of this process."""
    code = """
from invarlock.security import secure_tempdir
from invarlock.security.launch import LaunchRequest, launch
enforce_default_security()
deed = lambda line: seen.append(refused(lambda: socket.create_connection(address)))
seen = []
with secure_tempdir() as out:
    done = launch(LaunchRequest("sandbox", ("this",), {}, out, 30.0, progress=deed))
print(done.returncode, done.inside.connect["loopback"], set(seen))
"""
    assert said(code) == "0 EPERM {'E305'}"
