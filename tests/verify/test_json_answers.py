"""What commands answer in JSON fits the schema that is published for it."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from invarlock.attest.bundle import parse_bundle
from tests.verify.certified import run_command
from tests.verify.fitting import fitting
from tests.verify.runs import BAR, POLICY, Scene, case, documents, make_scene, report_of, signed


def publish(root: Path, worse: float) -> Scene:
    root.mkdir()
    scene = make_scene(root)
    files = documents(case(worse=worse))
    report = report_of(files).encode()
    scene.publish(files, report, signed(report))
    return scene


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Scene]:
    """A passing run, a failing one, one without its evidence, and windows of the first."""
    folder = tmp_path_factory.mktemp("answers")
    found = {
        name: publish(folder / name, worse)
        for name, worse in (("good", 0.01), ("bad", 0.4), ("bare", 0.01))
    }
    shutil.rmtree(found["bare"].root / "run" / "evidence")
    reference = POLICY.replace(b"<= 0.20 nats", b"<= 0.10 nats")
    (found["good"].root / "reference.invar").write_bytes(reference)
    return found


@dataclass(frozen=True)
class Asked:
    """What is asked of which scene, and what comes of it."""

    scene: str
    status: int
    outcome: str
    more: tuple[str, ...] = ()
    bar: bool = True
    full: tuple[str, ...] = field(default=())
    """Fields that are not empty in the answer."""


ASKED = {
    "pass": Asked("good", 0, "pass", full=("gates", "signers", "bar", "verdict")),
    "fail": Asked("bad", 1, "fail", full=("gates", "verdict")),
    "refused": Asked("good", 4, "refused", ("--subject-digest", "sha256:" + "5" * 64),
                     full=("findings",)),
    "lacking": Asked("bare", 3, "lacking", full=("findings", "strictness")),
    "no bar": Asked("good", 3, "no-bar", ("--level", "signed"), bar=False),
    "strictness": Asked("bare", 0, "pass", ("--accept-strictness",), full=("strictness", "gates")),
    "drift": Asked("good", 0, "pass", ("--reference", "reference.invar"), full=("policy_digest",)),
    "disclosed": Asked("good", 0, "pass", ("--disclosed", "few"), full=("disclosed",)),
}  # fmt: skip


@pytest.mark.parametrize("name", ASKED)
def test_of_verify(scenes: dict[str, Scene], name: str, tmp_path: Path) -> None:
    asked = ASKED[name]
    root = scenes[asked.scene].root
    words: list[object] = ["verify", root / "run", "--key", root / "key.pub"]
    more = list(asked.more)
    if "--subject-digest" not in more:
        words += ["--subject", root / "subject"]
    if "--disclosed" in more:
        few = tmp_path / "few"
        disclosed = run_command("evidence", "disclose", root / "run", "--windows", "3", "-o", few)
        assert disclosed[0] == 0
        more[1] = str(few)
    if "--reference" in more:
        more[1] = f"{root / more[1]}#{'+'.join(BAR)}"
    if asked.bar:
        words += ["--policy", f"{root / 'bar.invar'}#{'+'.join(BAR)}"]
    status, answer = run_command(*words, *more)
    assert (status, answer["outcome"], answer["exit_code"]) == (asked.status, asked.outcome, status)
    assert [name for name in asked.full if not answer[name]] == []
    fitting("verification", answer)


def test_of_policy_attest(scenes: dict[str, Scene], tmp_path: Path) -> None:
    root = scenes["good"].root
    name = f"{root / 'bar.invar'}#{'+'.join(BAR)}"
    words = ("policy", "attest", name, "--key", root / "key", "--out", tmp_path / "bar.json")
    status, answer = run_command(*words)
    assert status == 0, answer
    fitting("registered", answer)
    payload = json.loads(parse_bundle((tmp_path / "bar.json").read_bytes()).payload)
    fitting("registration", payload)


def test_of_evidence_disclose(scenes: dict[str, Scene], tmp_path: Path) -> None:
    run = scenes["good"].root / "run"
    status, answer = run_command(
        "evidence", "disclose", run, "--windows", "3,17", "-o", tmp_path / "few"
    )
    assert status == 0
    fitting("disclosure", json.loads((tmp_path / "few" / "disclosure.json").read_bytes()))
    assert (set(answer), answer["of"]) == ({"version", "folder", "windows", "of"}, 66)
