"""`key new`, `attest` and `verify` as typed: exit codes, one line for what is wrong."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from invarlock.cli import main
from invarlock.judge.records import FileRecord
from tests.conftest import run_invarlock
from tests.verify.runs import FINGERPRINT, Scene, case, documents, make_scene, report_of, signed


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = make_scene(tmp_path)
    files = documents(case())
    report = report_of(files).encode()
    scene.publish(files, report, signed(report))
    return scene


def arguments(scene: Scene, *more: str) -> list[str]:
    ask = scene.request
    words = ["verify", str(ask.bundle), "--key", str(ask.keys[0]), "--subject", str(ask.subject)]
    return [*words, "--policy", str(ask.policy), *more]


def test_from_key_to_verdict(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    root, run = scene.root, scene.root / "run"
    assert main(["key", "new", str(root / "mine"), "--type", "ed25519"]) == 0
    fingerprint = capsys.readouterr().out.split("fingerprint")[1].strip()
    (run / "attestation.sigstore.json").unlink()
    assert main(["attest", str(run), "--key", str(root / "mine")]) == 0
    words = [str(root / "mine.pub") if w == str(root / "key.pub") else w for w in arguments(scene)]
    assert main(words) == 1
    assert "fail         require signature.by" in capsys.readouterr().out
    # The consumer's bar names who may sign, by the fingerprint that `key new` shows.
    bar = root / "bar.invar"
    bar.write_bytes(bar.read_bytes().replace(FINGERPRINT.encode(), fingerprint.encode()))
    assert main(words) == 0
    told = capsys.readouterr().out
    for line in (
        "signed      reached",
        "judged      reached",
        "outcome     pass",
        "limits      level `judged`",
    ):
        assert line in told


def test_a_key_is_made_on_first_use(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    key = scene.root / "config" / "invarlock" / "key"
    (scene.root / "run" / "attestation.sigstore.json").unlink()
    assert main(["attest", str(scene.root / "run"), "--key", str(key)]) == 0
    assert str(key) + ".pub" in capsys.readouterr().err
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
    before = key.read_bytes()
    assert main(["attest", str(scene.root / "run"), "--key", str(key)]) == 0
    assert key.read_bytes() == before


def test_a_failing_run_is_attested_too(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    report = report_of(documents(case(worse=0.4))).encode()
    (scene.root / "run" / "evaluation.report.json").write_bytes(report)
    out = scene.root / "elsewhere.json"
    words = ["attest", str(scene.root / "run"), "--key", str(scene.root / "key")]
    assert main([*words, "--out", str(out), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "fail"
    assert json.loads(out.read_bytes())["mediaType"].startswith("application/vnd.dev.sigstore")


def test_json_tells_what_text_tells(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(scene, "--format", "json")) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["version"] == "invarlock.verification/1"
    assert (result["outcome"], result["exit_code"]) == ("pass", 0)
    assert result["levels"]["judged"] == "reached"


def test_a_refusal_names_what_does_not_add_up(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    path = scene.root / "run" / "evaluation.report.json"
    path.write_bytes(path.read_bytes().replace(b'"verdict":"pass"', b'"verdict":"fail"'))
    assert main(arguments(scene)) == 4
    told = capsys.readouterr().out
    assert "[INVARLOCK:E403] `evaluation.report.json` is not the file that was signed" in told
    assert "[INVARLOCK:E404] report: `verdict`" in told
    assert "outcome     refused" in told


def test_untrusted_words_move_no_terminal(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    path = scene.root / "run" / "evaluation.report.json"
    path.write_bytes(path.read_bytes().replace(b'"edit"', b'"\\u001b[2J"'))
    assert main(arguments(scene)) == 4
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["attest", "{run}"], 2),
        (["attest", "{none}", "--key", "{key}"], 6),
        (["attest", "{run}", "--key", "{key}.pub"], 2),
        (["verify", "{run}"], 2),
        (["verify", "{none}", "--key", "{key}.pub"], 6),
        (["verify", "{run}", "--key", "{key}"], 2),
        (["verify", "{run}", "--key", "{none}"], 6),
        (["verify", "{run}/evaluation.report.json", "--key", "{key}.pub"], 4),
        (["verify", "{run}", "--key", "{key}.pub", "--level", "reproduced"], 3),
        (["verify", "{run}", "--key", "{key}.pub", "--challenge", "101%"], 2),
        (["verify", "{run}", "--key", "{key}.pub", "--level", "signed"], 3),
        (["key", "new", "{key}"], 2),
    ],
)
def test_what_is_wrong_is_one_line_and_a_code(
    scene: Scene, capsys: pytest.CaptureFixture[str], words: list[str], code: int
) -> None:
    names = {"run": scene.root / "run", "key": scene.root / "key", "none": scene.root / "none"}
    assert main([word.format(**names) for word in words]) == code
    told = capsys.readouterr()
    if code in {2, 6}:
        assert told.out == ""
        assert told.err.startswith("invarlock: [INVARLOCK:E")
        assert told.err.count("\n") == 1


def test_a_fifo_in_place_of_the_bundle_is_refused_at_once(scene: Scene) -> None:
    assert run_invarlock(*arguments(scene), timeout=60).returncode == 0
    scene.request.bundle.unlink()
    os.mkfifo(scene.request.bundle)
    done = run_invarlock(*arguments(scene), timeout=60)
    assert done.returncode == 4
    assert "E405" in done.stdout


def test_a_list_of_thousands_of_files_is_refused_soon(scene: Scene) -> None:
    files = documents(case())
    report = report_of(files)
    many = tuple(
        FileRecord(path=f"evidence/extra-{n}", size=0, digest="sha256:" + "0" * 64)
        for n in range(20_000)
    )
    claimed = report.model_copy(update={"files": (*report.files, *many)}).encode()
    scene.publish(files, claimed, signed(claimed))
    done = run_invarlock(*arguments(scene), timeout=60)
    assert done.returncode == 4
    assert "more than 256" in done.stdout


@pytest.mark.parametrize("option", ["--data", "--trusted-root", "--beacon", "--key"])
def test_a_fifo_in_place_of_another_input_is_refused_at_once(
    scene: Scene, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe = scene.root / "pipe"
    os.mkfifo(pipe)
    ask = scene.request
    words = ["verify", str(ask.bundle), "--subject", str(ask.subject), "--level", "bound"]
    words += ["--key", str(ask.keys[0])]
    assert main(words) == 3  # no bar
    capsys.readouterr()
    codes = {"--data": "E602", "--trusted-root": "E602", "--beacon": "E601", "--key": "E703"}
    assert main([*words, option, str(pipe)]) in {2, 6}
    assert codes[option] in capsys.readouterr().err
