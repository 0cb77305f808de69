"""The sandbox, tried for real: each denied thing, with the same thing on a plain host beside it."""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from invarlock.errors import EnvironmentFault, InternalFault, InvarlockError, SafetyRefusal
from invarlock.security import temporarily_allow_network
from invarlock.security.channels import status_number
from invarlock.security.launch import LaunchRequest, Mode, execute, launch
from invarlock.security.manifest import inside_breaches, outside_breaches
from invarlock.security.plan import prepare
from tests.security.boundary import ROOT, private, request_for, run_script

pytestmark = pytest.mark.sandbox

TRIALS = Path(__file__).with_name("trials.py").read_text()
MODES: tuple[Mode, ...] = ("sandbox", "host")
Findings = dict[str, object]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Findings]:
    """What the trials found in each mode, while the host listens and holds a secret."""
    results: dict[str, Findings] = {}
    secret = {"TOKEN": "CANARY-0451"}
    with (
        pytest.MonkeyPatch.context() as patch,
        # A test that ran the command line in this process has armed the tripwire for good.
        temporarily_allow_network(),
        socket.socket() as listener,
        subprocess.Popen(["sleep", "600"], env={"PATH": "/usr/bin:/bin", **secret}) as holder,
    ):
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        patch.setenv("TOKEN", secret["TOKEN"])
        script = f"PORT = {listener.getsockname()[1]}\n{TRIALS}"
        try:
            for mode in MODES:
                out = private(tmp_path_factory.mktemp(mode))
                done = run_script(script, mode, out)
                assert done.returncode == 0, done.stderr_tail
                results[mode] = json.loads((out / "result.json").read_text())
        finally:
            holder.kill()
    return results


ROOT_ONLY = "open" if ROOT else "EACCES"


@pytest.mark.parametrize(
    ("trial", "inside", "on_host"),
    [
        ("tcp loopback", "EPERM", "open"),
        ("udp", "EPERM", "open"),
        ("netlink", "EPERM", "open"),
        ("unix pair", "open", "open"),
        ("create in /", "EROFS", ROOT_ONLY),
        ("create in /usr", "EROFS", ROOT_ONLY),
        ("create in inputs", "EROFS", "open"),
        ("create in interpreter", "EROFS", "open"),
        ("create in out", "open", "open"),
        ("kernel setting", "EROFS" if ROOT else "EACCES", ROOT_ONLY),
        ("read passwd", "ENOENT", "open"),
        ("user namespace", "EPERM", "open"),
        ("clone new user", "EPERM", "open"),
        ("mount", "EPERM", "ENOENT"),
        ("ptrace", "EPERM", "open"),
        ("keyctl", "EPERM", "open"),
        ("io_uring", "EPERM", "open"),
        ("clone3", "ENOSYS", "EINVAL"),
        ("setns", "EPERM", "EBADF"),
        ("open_by_handle_at", "EPERM", "EBADF"),
        ("process_vm_readv", "EPERM", "EINVAL"),
        ("personality", "EPERM", "open"),
        ("terminal input", "EPERM", "ENOTTY"),
        ("canary", False, True),
        ("host name", "invarlock", socket.gethostname()),
    ],
)
def test_denied_inside_and_possible_outside(
    found: dict[str, Findings], trial: str, inside: object, on_host: object
) -> None:
    assert found["sandbox"][trial] == inside
    assert found["host"][trial] == on_host


def test_bpf_is_denied(found: dict[str, Findings]) -> None:
    assert found["sandbox"]["bpf"] == "EPERM"
    # Some kernels keep it from ordinary users by a setting of their own.
    assert found["host"]["bpf"] in ({"EINVAL"} if ROOT else {"EINVAL", "EPERM"})


def test_sees_only_its_own_process(found: dict[str, Findings]) -> None:
    assert found["sandbox"]["processes"] == 1
    assert int(str(found["host"]["processes"])) > 1


def test_observations_of_a_closed_boundary_and_of_a_plain_host(tmp_path: Path) -> None:
    closed = run_script("", "sandbox", private(tmp_path))
    assert inside_breaches(closed.inside) == ()
    assert outside_breaches(closed.outside) == ()
    (tmp_path / "host").mkdir()
    plain = run_script("", "host", private(tmp_path / "host"))
    assert "connecting to loopback worked" in inside_breaches(plain.inside)
    assert "the net namespace is the host's" in outside_breaches(plain.outside)
    assert (closed.tool.bwrap_version, plain.tool.bwrap_version) != (None, None)
    assert plain.tool.seccomp_sha256 is None


def drop(*flags: str) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    """Without this run of arguments, which must be there."""

    def reshape(argv: tuple[str, ...]) -> tuple[str, ...]:
        for start in range(len(argv)):
            if argv[start : start + len(flags)] == flags:
                return argv[:start] + argv[start + len(flags) :]
        raise AssertionError(flags)

    return reshape


def drop_seccomp(argv: tuple[str, ...]) -> tuple[str, ...]:
    at = argv.index("--seccomp")
    return argv[:at] + argv[at + 2 :]


def writable(path: str) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    def reshape(argv: tuple[str, ...]) -> tuple[str, ...]:
        assert ("--ro-bind", path) in itertools.pairwise(argv)
        return tuple(
            "--bind" if (word, then) == ("--ro-bind", path) else word
            for word, then in zip(argv, (*argv[1:], ""), strict=True)
        )

    return reshape


def add(*flags: str) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    def reshape(argv: tuple[str, ...]) -> tuple[str, ...]:
        at = argv.index("--remount-ro")
        return (*argv[:at], *flags, *argv[at:])

    return reshape


@pytest.mark.parametrize(
    ("reshape", "finding"),
    [
        (drop_seccomp, "no system-call filter"),
        (drop("--remount-ro", "/"), "`/` is mounted read-write"),
        (drop("--remount-ro", "/proc"), "other mounts are read-write"),
        (drop("--remount-ro", "/dev"), "other mounts are read-write"),
        (drop("--unshare-all"), "set up"),  # process 1 needs a namespace of its own
        (add("--share-net"), "seen from outside"),
        (writable("/usr"), "other mounts are read-write"),
        (add("--ro-bind", "/etc/passwd", "/etc/passwd"), "reading /etc/passwd worked"),
        (add("--bind", "/var/tmp", "/var/tmp"), "other mounts are read-write"),
        (add("--proc", "/proc2"), "other mounts are read-write"),
        (add("--ro-bind", "/no/such/file", "/x"), "set up"),
    ],
)
def test_every_weakened_sandbox_is_refused(
    tmp_path: Path, reshape: Callable[[tuple[str, ...]], tuple[str, ...]], finding: str
) -> None:
    out = private(tmp_path)
    with pytest.raises(SafetyRefusal, match=finding) as refusal:
        run_script("open(OUT + '/ran', 'w').close()", "sandbox", out, reshape=reshape)
    assert refusal.value.code == "E302"
    assert list(out.iterdir()) == []


def test_the_unweakened_sandbox_is_not(tmp_path: Path) -> None:
    out = private(tmp_path)
    run_script("open(OUT + '/ran', 'w').close()", "sandbox", out)
    assert [path.name for path in out.iterdir()] == ["ran"]


@pytest.mark.parametrize("mode", MODES)
def test_inputs_are_readable_and_cannot_be_written(tmp_path: Path, mode: Mode) -> None:
    bound = tmp_path / "bound.bin"
    bound.write_bytes(b"bound bytes")
    script = """
import pathlib
text = pathlib.Path(IN, "model/config.json").read_text()
disk = pathlib.Path(IN, "model/big.safetensors").read_text()
try:
    fd = __import__("os").open(IN + "/model/config.json", 2)
    __import__("os").write(fd, b"forged")
    end = "written"
except OSError as err:
    end = err.strerror
pathlib.Path(OUT, "said").write_text("|".join((text, disk, end)))
"""
    out = private(tmp_path)
    done = run_script(
        script,
        mode,
        out,
        inputs={"model/config.json": b"sealed bytes"},
        binds={"model/big.safetensors": bound},
    )
    assert done.returncode == 0, done.stderr_tail
    assert (out / "said").read_text() == "sealed bytes|bound bytes|Operation not permitted"


@pytest.mark.parametrize("mode", MODES)
def test_environment_holds_only_what_is_fixed(
    tmp_path: Path, mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "CANARY")
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    done = run_script("", mode, private(tmp_path))
    names = set(done.inside.environment)
    assert "PATH" in names
    assert not names & {"AWS_SECRET_ACCESS_KEY", "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"}


@pytest.mark.parametrize("mode", MODES)
def test_out_of_time_kills(tmp_path: Path, mode: Mode) -> None:
    begun = time.monotonic()
    with pytest.raises(EnvironmentFault) as fault:
        run_script("import time; time.sleep(60)", mode, private(tmp_path), timeout_s=2.0)
    assert fault.value.code == "E304"
    assert time.monotonic() - begun < 20
    done = run_script("import time; time.sleep(0.01)", mode, tmp_path / "out", timeout_s=30.0)
    assert done.returncode == 0


@pytest.mark.parametrize("mode", MODES)
def test_a_killed_child_is_a_fault_of_the_surroundings(tmp_path: Path, mode: Mode) -> None:
    """As the kernel does when memory runs out."""
    script = "print('ready', flush=True); import time; time.sleep(60)"
    target: list[Callable[[], int]] = []

    def kill(line: str) -> None:
        if line == "ready":
            os.kill(target[0](), signal.SIGKILL)

    with (
        request_for(script, mode, private(tmp_path), progress=kill) as request,
        prepare(request) as plan,
    ):
        target.append(
            lambda: (
                status_number(bytes(plan.channels.status.data), "child-pid")
                or _child_of_this_process()
            )
        )
        with pytest.raises(EnvironmentFault) as fault:
            execute(plan, request)
    assert fault.value.code == "E604"


def _child_of_this_process() -> int:
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return int(children[-1])


@pytest.mark.parametrize("mode", MODES)
def test_interrupt_kills_and_propagates(tmp_path: Path, mode: Mode) -> None:
    pids: list[int] = []

    def interrupt(line: str) -> None:
        if line.startswith("ready"):
            pids.append(_child_of_this_process())
            raise KeyboardInterrupt

    script = "print('ready', flush=True); import time; time.sleep(60)"
    with (
        request_for(script, mode, private(tmp_path), progress=interrupt) as request,
        pytest.raises(KeyboardInterrupt),
    ):
        launch(request)
    assert not Path(f"/proc/{pids[0]}").exists()


def test_the_child_dies_with_its_parent(tmp_path: Path) -> None:
    """Kill the parent outright: what runs in the sandbox must go too."""
    marker = f"{time.time_ns()}"
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from pathlib import Path
from tests.security.boundary import run_script
run_script("import time; MARK = '{marker}'; open(OUT + '/up', 'w'); time.sleep(60)",
           "sandbox", Path({str(private(tmp_path))!r}))
"""
    with subprocess.Popen([sys.executable, "-c", code]) as parent:
        _wait_until((tmp_path / "out" / "up").exists)
        inner = _descendants(parent.pid)
        parent.kill()
    assert len(inner) == 2  # bubblewrap, and what it runs
    _wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in inner))


def _descendants(pid: int) -> list[int]:
    found = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found += [int(child), *_descendants(int(child))]
    return found


def _wait_until(ready: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not ready():
        assert time.monotonic() < until, "nothing happened"
        time.sleep(0.02)


@pytest.mark.parametrize("mode", MODES)
def test_a_failing_child_is_a_result(tmp_path: Path, mode: Mode) -> None:
    done = run_script("raise RuntimeError('on purpose')", mode, private(tmp_path))
    assert done.returncode == 1
    assert "RuntimeError: on purpose" in done.stderr_tail


@pytest.mark.parametrize(
    ("module", "code", "said"),
    [
        ("this", 0, "let's do more of those!\n"),  # returns, its output not flushed
        ("platform", 0, "Linux"),  # exits with 0
        ("json.tool", 2, "json.tool: error: "),  # exits with 2
    ],
)
def test_how_the_work_ends_is_how_the_child_ends(
    tmp_path: Path, module: str, code: int, said: str
) -> None:
    with request_for("", "host", private(tmp_path)) as request:
        done = launch(replace(request, argv=(module,)))
    assert done.returncode == code
    assert said in done.stderr_tail
    assert done.refused.connections == 0


@pytest.mark.parametrize("mode", MODES)
def test_what_it_prints_cannot_steer_a_terminal(tmp_path: Path, mode: Mode) -> None:
    script = "print('\\x1b]0;owned\\x07' + '\\u202e' + 'plain' + 'x' * 9000, flush=True)"
    lines: list[str] = []
    with request_for(script, mode, private(tmp_path), progress=lines.append) as request:
        done = launch(request)
    for text in (done.stderr_tail, *lines):
        assert all(char.isprintable() or char == "\n" for char in text)
        assert len(text) <= 4096
    assert "plain" in lines[0]
    assert done.stderr_tail.endswith("x\n")


def test_the_child_cannot_rewrite_its_observation(tmp_path: Path) -> None:
    """Writing to every descriptor it inherited changes neither observation nor verdict on it."""
    script = """
import os
for fd in range(3, 64):
    try:
        os.write(fd, b'{"inside": {}}\\n{"refused": {"connections": -1}}\\n')
    except OSError:
        pass
"""
    done = run_script(script, "sandbox", private(tmp_path))
    assert inside_breaches(done.inside) == ()
    assert done.refused.connections is None
    honest = run_script("", "sandbox", tmp_path / "out")
    assert honest.refused.connections == 0


def test_refused_connections_are_counted(tmp_path: Path) -> None:
    script = """
import socket
from invarlock.errors import SafetyRefusal
try:
    socket.getaddrinfo("example.org", 443)
except SafetyRefusal as err:
    print(err)
"""
    done = run_script(script, "sandbox", private(tmp_path))
    assert done.returncode == 0, done.stderr_tail
    assert "INVARLOCK:E305" in done.stderr_tail
    assert done.refused.connections == 1


def test_a_file_over_its_cap_cannot_be_written(tmp_path: Path) -> None:
    script = "open(OUT + '/large', 'wb').write(bytes(300_000))"
    capped = run_script(script, "sandbox", private(tmp_path), file_bytes=200_000)
    assert capped.returncode == 1
    assert "File too large" in capped.stderr_tail
    assert run_script(script, "sandbox", tmp_path / "out", file_bytes=400_000).returncode == 0


def test_unix_sockets_work_so_that_data_loaders_do_not_hang(tmp_path: Path) -> None:
    script = """
import multiprocessing, threading
from multiprocessing.connection import Client, Listener
with Listener(family="AF_UNIX") as listener:
    threading.Thread(target=lambda: Client(listener.address).send("hello")).start()
    with listener.accept() as link:
        assert link.recv() == "hello"
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert pool.map(abs, [-1, -2]) == [1, 2]
"""
    done = run_script(script, "sandbox", private(tmp_path))
    assert done.returncode == 0, done.stderr_tail


@pytest.mark.parametrize("path", ["../up", "/etc/x", "a/../b", "a b", "", "a//b"])
def test_boundary_paths_are_plain(tmp_path: Path, path: str) -> None:
    request = LaunchRequest("sandbox", ("this",), {path: 0}, private(tmp_path), 1.0)
    with pytest.raises(InternalFault):
        launch(request)


def test_only_listed_variables_can_be_set(tmp_path: Path) -> None:
    out = private(tmp_path)
    request = LaunchRequest(
        "host", ("this",), {}, out, 30.0, environment={"LD_PRELOAD": "/evil.so"}
    )
    with pytest.raises(InternalFault):
        launch(request)
    allowed = LaunchRequest("host", ("this",), {}, out, 30.0, environment={"OMP_NUM_THREADS": "1"})
    assert "OMP_NUM_THREADS" in launch(allowed).inside.environment


def test_faults_are_one_line_with_a_code(tmp_path: Path) -> None:
    with pytest.raises(InvarlockError) as refusal:
        run_script("", "sandbox", private(tmp_path), reshape=drop_seccomp)
    assert str(refusal.value).startswith("[INVARLOCK:E302] ")
    assert "\n" not in str(refusal.value)
