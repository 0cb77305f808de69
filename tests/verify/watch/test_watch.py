"""`watch` as typed: on schedule, on change, at a rate, and whom it tells."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from invarlock.artifacts.folder import tree_of
from invarlock.cli import main
from invarlock.security import temporarily_allow_network
from invarlock.verify.watch.pace import TokenBucket
from tests.conftest import ROOT
from tests.verify.runs import Scene, case, documents, make_scene, report_of, signed

SCHEMA = json.loads((ROOT / "attest/schemas/watch.schema.json").read_bytes())
WEIGHTS = "model.safetensors"


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = make_scene(tmp_path)
    files = documents(case())
    report = report_of(files).encode()
    scene.publish(files, report, signed(report))
    return scene


def words(scene: Scene, *more: str) -> list[str]:
    ask = scene.request
    found = ["watch", str(ask.subject), "--attestation", str(ask.bundle)]
    return [*found, "--key", str(scene.root / "key.pub"), *more]


def once(scene: Scene, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, Any, str]:
    """One check: exit code, what it found, which fits the schema, and standard error."""
    code = main(words(scene, "--once", "--format", "json", *more))
    out, err = capsys.readouterr()
    found = json.loads(out.splitlines()[-1])
    jsonschema.validate(found, SCHEMA)
    return code, found, err


def test_the_same_bytes(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    code, found, _ = once(scene, capsys)
    assert (code, found["same"], found["differing"]) == (0, True, 0)
    assert found["found"] == found["expected"]


def test_each_difference_is_named(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    model = scene.root / "subject"
    (model / WEIGHTS).write_bytes(b"subjecT")
    (model / "config.json").rename(model / "conf.json")
    code, found, _ = once(scene, capsys)
    assert (code, found["code"]) == (4, "E403")
    told = {one["path"]: (one["found"], one["expected"]) for one in found["differences"]}
    assert list(told) == ["conf.json", "config.json", WEIGHTS]
    assert told["conf.json"][1] == "not attested"
    assert told["config.json"][0] == "absent"
    assert main(words(scene, "--once")) == 4
    assert "DIFFERS" in capsys.readouterr().out


def test_a_folder_that_is_gone_or_unsafe(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    model = scene.root / "subject"
    (model / "pickled").symlink_to("/etc/passwd")
    code, found, _ = once(scene, capsys)
    assert (code, found["code"], found["found"]) == (5, "E205", None)
    model.rename(scene.root / "elsewhere")
    code, found, _ = once(scene, capsys)
    assert (code, found["code"]) == (6, "E601")


def test_who_signed_is_asked_first(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["key", "new", str(scene.root / "other")]) == 0
    argv = words(scene, "--once")
    argv[argv.index("--key") + 1] = str(scene.root / "other.pub")
    assert main(argv) == 4
    assert "E401" in capsys.readouterr().err
    assert main(words(scene, "--once")[:-3]) == 2


@pytest.mark.parametrize(
    "more",
    [
        ("--every", "0s"),
        ("--every", "often"),
        ("--limit-rate", "0MB/s"),
        ("--limit-rate", "fast"),
        ("--exec", "''' "),
        ("--exec", " "),
        ("--webhook", "http://example.org/hook"),
        ("--webhook", "file:///etc/passwd"),
        ("--webhook", "https://"),
        ("--webhook", "https://" + "a" * 70 + ".com/"),
        ("--webhook", "https://.a/"),
        ("--webhook", "https://example.org:port/"),
        ("--webhook", "https://example.org:99999/"),
        ("--webhook", "https://127.0.0.1:1/\N{SNOWMAN}"),
    ],
)
def test_what_cannot_be_asked(
    scene: Scene, capsys: pytest.CaptureFixture[str], more: tuple[str, ...]
) -> None:
    assert main(words(scene, *more)) == 2
    assert "E701" in capsys.readouterr().err


# --- whom it tells -------------------------------------------------------------------------------


def broken(scene: Scene) -> None:
    (scene.root / "subject" / WEIGHTS).write_bytes(b"swapped")


def test_a_command_hears_it_and_no_shell(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    heard, argued = scene.root / "heard", scene.root / "argued"
    script = "import sys; open(sys.argv[1], 'wb').write(sys.stdin.buffer.read())"
    script += "; open(sys.argv[2], 'w').write(sys.argv[3])"
    command = f'{sys.executable} -c "{script}" {heard} {argued} "$HOME; `id`"'
    assert once(scene, capsys, "--exec", command)[0] == 0
    assert not heard.exists()  # nothing differs, nobody is told
    broken(scene)
    code, found, err = once(scene, capsys, "--exec", command)
    assert (code, err) == (4, "")
    assert json.loads(heard.read_bytes()) == found
    assert argued.read_text() == "$HOME; `id`"


@pytest.mark.parametrize(
    ("command", "says"), [("false", "gave 1"), ("/no/such/command", "no such file")]
)
def test_a_command_that_fails_is_told_of(
    scene: Scene, capsys: pytest.CaptureFixture[str], command: str, says: str
) -> None:
    broken(scene)
    code, _, err = once(scene, capsys, "--exec", command)
    assert code == 4
    assert says in err


@contextmanager
def listening(status: int = 204, location: str | None = None) -> Iterator[tuple[str, list[Any]]]:
    """A server on the loopback, and what it was sent."""
    heard: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            if location is not None:
                self.send_header("Location", location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815 - the server's own name

        def log_message(self, *_: Any) -> None:
            pass

    with temporarily_allow_network():  # other tests' commands armed the guard here
        server = HTTPServer(("127.0.0.1", 0), Handler)
    with server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/hook", heard
        finally:
            server.shutdown()
            thread.join()


def told(scene: Scene, *more: str) -> subprocess.CompletedProcess[str]:
    """One check in a process of its own, whose network guard is armed."""
    argv = [sys.executable, "-m", "invarlock", *words(scene, "--once", "--format", "json", *more)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def test_a_webhook_hears_it_past_the_guard(scene: Scene) -> None:
    with listening() as (address, heard):
        assert told(scene, "--webhook", address).returncode == 0
        assert heard == []
        broken(scene)
        done = told(scene, "--webhook", address)
        assert (done.returncode, done.stderr) == (4, "")
        assert heard == [json.loads(done.stdout)]


def test_a_webhook_that_sends_elsewhere_or_is_gone(scene: Scene) -> None:
    broken(scene)
    with listening() as (elsewhere, heard), listening(302, elsewhere) as (address, first):
        done = told(scene, "--webhook", address)
        assert (done.returncode, len(first), heard) == (4, 1, [])
        assert "--webhook: the address answered 302" in done.stderr
    done = told(scene, "--webhook", address)
    assert done.returncode == 4
    assert "refused" in done.stderr


@pytest.mark.parametrize("host", ["\N{SNOWMAN}\N{SNOWMAN}", "127.0.0.1:1/a b", "[::1]:1"])
def test_a_webhook_that_nobody_can_reach_is_told_of(
    scene: Scene, capsys: pytest.CaptureFixture[str], host: str
) -> None:
    broken(scene)
    code, _, err = once(scene, capsys, "--webhook", f"https://{host}/")
    assert code == 4
    assert "--webhook: " in err


def test_metrics_that_cannot_be_written_end_no_watch(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    broken(scene)
    code, _, err = once(scene, capsys, "--metrics", str(scene.root))
    assert code == 4
    assert "--metrics: " in err


def vanishing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A file of that name goes away right after its folder was listed in order to hash it."""
    listed = os.listdir
    looks = iter(("sizes and times", "bytes"))

    def listdir(fd: int) -> list[str]:
        names = listed(fd)
        if name in names and next(looks) == "bytes":
            os.unlink(name, dir_fd=fd)
        return names

    monkeypatch.setattr("invarlock.artifacts.listing.os.listdir", listdir)


@pytest.mark.parametrize("link", [False, True], ids=["file", "link"])
def test_a_file_that_vanishes_meanwhile_is_a_difference(
    scene: Scene,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    *,
    link: bool,
) -> None:
    assert once(scene, capsys)[0] == 0
    passing = scene.root / "subject" / "passing"
    passing.symlink_to("config.json") if link else passing.touch()
    heard = scene.root / "heard"
    script = f"import sys; open({str(heard)!r}, 'wb').write(sys.stdin.buffer.read())"
    with monkeypatch.context() as patch:
        vanishing(patch, "passing")
        more = ("--exec", f'{sys.executable} -c "{script}"')
        code, found, err = once(scene, capsys, *more)
    assert (code, found["same"], found["code"], err) == (5, False, "E209", "")
    assert json.loads(heard.read_bytes()) == found
    assert once(scene, capsys)[0] == 0  # gone for good, nothing differs


def test_metrics_are_whole_or_not_there(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    path = scene.root / "metrics" / "watch.prom"
    code, found, err = once(scene, capsys, "--metrics", str(path))
    assert (code, found["same"]) == (0, True)
    assert "does not exist" in err
    path.parent.mkdir()
    assert once(scene, capsys, "--metrics", str(path))[0] == 0
    assert "\ninvarlock_watch_same{" in path.read_text()
    broken(scene)
    assert once(scene, capsys, "--metrics", str(path))[0] == 4
    lines = path.read_text().splitlines()
    values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    by = {name.partition("{")[0]: value for name, value in values.items()}
    assert by["invarlock_watch_same"] == "0"
    assert by["invarlock_watch_differing_files"] == "1"
    assert by["invarlock_watch_differences_total"] == "1"
    assert lines[-1] == "# EOF"
    assert [found.name for found in path.parent.iterdir()] == ["watch.prom"]


# --- when it looks -------------------------------------------------------------------------------


@contextmanager
def watching(scene: Scene, *more: str) -> Iterator[tuple[subprocess.Popen[str], Iterator[Any]]]:
    """A watch in a process of its own, and its findings as they come."""
    argv = [sys.executable, "-m", "invarlock", *words(scene, "--format", "json", *more)]
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process, map(json.loads, iter(process.stdout.readline, ""))
        finally:
            process.kill()


def test_a_change_is_seen_at_once_and_ends_it(scene: Scene) -> None:
    with watching(scene, "--every", "1d", "--poll", "1s") as (process, found):
        assert next(found)["cause"] == "start"
        broken(scene)
        last = next(found)
        assert (last["cause"], last["same"]) == ("change", False)
        assert process.wait(30) == 4


def test_a_change_that_hides_is_seen_on_schedule(scene: Scene) -> None:
    with watching(scene, "--every", "1s", "--poll", "0s") as (process, found):
        assert next(found)["same"]
        assert next(found)["cause"] == "schedule"
        broken(scene)
        assert any(not check["same"] for check in found)
        assert process.wait(30) == 4


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_stays_and_stops_when_told(scene: Scene, how: signal.Signals) -> None:
    told_of = scene.root / "told"
    command = f"{sys.executable} -c \"open({str(told_of)!r}, 'a').write('x')\""
    broken(scene)
    more = ("--stay", "--every", "1s", "--poll", "0s", "--exec", command)
    with watching(scene, *more) as (process, found):
        assert [next(found)["same"], next(found)["same"]] == [False, False]
        process.send_signal(how)
        assert process.wait(30) == 130
        assert process.stderr is not None
        assert process.stderr.read() == "invarlock: interrupted; no longer watching\n"
    assert told_of.read_text() == "x"  # the same difference is told of once


def test_half_the_rate_takes_twice_as_long(tmp_path: Path) -> None:
    """Of a clock that stands still while files are read, and moves while a bucket waits."""
    (tmp_path / WEIGHTS).write_bytes(bytes(24 << 20))

    def seconds(rate: int) -> float:
        now = [0.0]

        def sleep(span: float) -> None:
            now[0] += span

        tree_of(tmp_path, pace=TokenBucket(rate, lambda: now[0], sleep))
        return now[0]

    assert seconds(80 << 20) == pytest.approx(24 / 80)
    assert seconds(40 << 20) == pytest.approx(24 / 40)


def test_a_rate_is_kept_on_the_real_clock(tmp_path: Path) -> None:
    """Never faster, however busy the machine is, which can only make it slower."""
    (tmp_path / WEIGHTS).write_bytes(bytes(8 << 20))
    began = time.monotonic()
    tree_of(tmp_path, pace=TokenBucket(20 << 20))
    assert time.monotonic() - began >= 8 / 20 - 0.05


def test_a_bucket_saves_no_more_than_a_moment() -> None:
    now, slept = [0.0], []

    def sleep(span: float) -> None:
        slept.append(span)
        now[0] += span

    take = TokenBucket(1000, lambda: now[0], sleep)
    for _ in range(10):
        take(100)
    assert now[0] == pytest.approx(1.0)
    now[0] += 3600  # an hour without anything to read
    take(1000)
    assert slept[-1] == pytest.approx(0.95)
