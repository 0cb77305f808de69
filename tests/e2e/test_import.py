"""Logs of other programs: imported, attested, verified, and forged."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from invarlock.canonical import canonical_bytes
from invarlock.errors import VerificationFault
from invarlock.evidence.schema import RuntimeFacts
from invarlock.evidence.store import encode_tensors, read_evidence
from invarlock.judge import Key, estimate
from tests.builders import SANDBOXED, make_tensors, sealed
from tests.conftest import run_invarlock
from tests.measure.logs.lines import Line, samples, token_lines, write
from tests.verify.runs import records

pytestmark = [pytest.mark.sandbox, pytest.mark.xdist_group("import")]

UNSEEN = RuntimeFacts(isolation=None, network=None, remote_code=None, pickle=None, plugins=None)
BEACON = "ab" * 32
POLICY = """\
invar 1
policy logs "1"
task = {task}
windows {{ length = 64 tokens; beacon = required }}
require evidence.origin in {{imported, measured}}
require windows.match == 100%
tier balanced {{
{gates}
}}
profile dev {{ require windows.final >= 16 }}
"""
TASKS = {"tokens": "causal_lm", "lm-eval": "multiple_choice"}
GATES = {
    "tokens": "  require perplexity.ratio <= 2\n  require windows.overlap == 0%",
    "lm-eval": "  require accuracy.delta >= -90 pp",
}


@dataclass(frozen=True)
class Desk:
    """Logs of one kind of both arms, their models, and the command that imports them."""

    folder: Path
    kind: str

    def lines(self, seed: int) -> list[Line]:
        return token_lines(24, seed) if self.kind == "tokens" else samples(24, seed)

    def policy(self, old: str = "", new: str = "") -> Path:
        text = POLICY.format(task=TASKS[self.kind], gates=GATES[self.kind])
        assert old in text
        path = self.folder / "policy.invar" if not old else self.folder / "other.invar"
        path.write_text(text.replace(old, new) if old else text)
        return path

    def model(self, arm: str) -> Path:
        folder = self.folder / arm
        folder.mkdir(exist_ok=True)
        (folder / "config.json").write_text(json.dumps({"arm": arm}))
        return folder

    def imported(self, out: Path, subject: Sequence[Line], *extra: object) -> CompletedProcess[str]:
        return run_invarlock(
            "evidence", "import", "--policy", f"{self.policy()}#balanced+dev", "--kind", self.kind,
            "--baseline-log", write(self.folder / "baseline.jsonl", self.lines(1)),
            "--subject-log", write(out.with_suffix(".jsonl"), subject),
            "--baseline", self.model("baseline"), "--subject", self.model("subject"),
            "--beacon", BEACON, "--out", out, *extra,
        )  # fmt: skip

    def verified(self, run: Path, *extra: object, policy: Path | None = None) -> Any:
        key = self.folder / "key"
        assert run_invarlock("attest", run, "--key", key).returncode == 0
        done = run_invarlock(
            "verify", run, "--key", f"{key}.pub", "--policy",
            f"{policy or self.policy()}#balanced+dev", "--subject", self.model("subject"),
            "--beacon", BEACON, "--format", "json", *extra,
        )  # fmt: skip
        return json.loads(done.stdout)


def made(tmp_path_factory: pytest.TempPathFactory, kind: str) -> Desk:
    desk = Desk(tmp_path_factory.mktemp("import"), kind)
    done = desk.imported(desk.folder / "run", desk.lines(2))
    assert done.returncode == 0, done.stderr
    assert "note: imported from logs" in done.stdout
    return desk


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return made(tmp_path_factory, "tokens")


@pytest.fixture(scope="module")
def choices(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return made(tmp_path_factory, "lm-eval")


def parts(desk: Desk) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (desk.folder / "run" / "evidence").iterdir()}


@pytest.mark.parametrize("kind", ["tokens", "choices"])
def test_import_attest_verify(kind: str, request: pytest.FixtureRequest) -> None:
    desk: Desk = request.getfixturevalue(kind)
    log = desk.folder / "run.jsonl"
    found = desk.verified(desk.folder / "run", "--data", log, "--baseline", desk.model("baseline"))
    assert (found["exit_code"], found["outcome"], found["origin"]) == (0, "pass", "imported")
    assert found["levels"]["judged"] == "reached"


def test_a_bar_that_wants_measured_evidence_refuses_it(tokens: Desk) -> None:
    strict = tokens.policy("in {imported, measured}", "== measured")
    found = tokens.verified(tokens.folder / "run", policy=strict)
    assert (found["exit_code"], found["outcome"]) == (1, "fail")


def test_what_nobody_saw_is_incomplete_and_never_passes(tokens: Desk) -> None:
    gates = "require runtime.network in {off, on}\nrequire invariants.non_finite == 0\n"
    strict = tokens.policy("require windows.match == 100%\n", gates)
    found = tokens.verified(tokens.folder / "run", policy=strict)
    assert (found["exit_code"], found["outcome"]) == (3, "incomplete")
    lacking = {gate["id"] for gate in found["gates"] if gate["verdict"] == "incomplete"}
    assert lacking == {"runtime.network", "invariants.non_finite"}


def test_measures_that_a_log_cannot_give_are_missing(tokens: Desk, choices: Desk) -> None:
    for desk, there in ((tokens, "perplexity.ratio"), (choices, "accuracy.delta")):
        evidence = read_evidence(parts(desk), UNSEEN)
        values = estimate(evidence, evidence.header.contract)
        assert values.get(Key(there)).status == "ok"
        assert values.get(Key("windows.match")).point == 1
        assert values.get(Key("evidence.origin")).words == "imported"
        for name in (
            "kl.mean", "kl.p99", "delta_p.mean", "top1.agreement", "tokenizer.same",
            "invariants.non_finite", "invariants.structure", "spectral.shift", "rows.turned",
            "rmt.growth", "runtime.isolation", "runtime.pickle",
        ):  # fmt: skip
            assert values.get(Key(name)).status == "missing", name


def test_other_documents_are_refused_and_so_is_another_order(tokens: Desk, tmp_path: Path) -> None:
    lines = tokens.lines(2)
    for lot in ([lines[1], lines[0], *lines[2:]], lines[:-1]):
        done = tokens.imported(tmp_path / "run", lot)
        assert done.returncode == 5, done.stdout
        assert "[INVARLOCK:E001]" in done.stderr.splitlines()[-1]
        assert not (tmp_path / "run").exists()


def test_a_hostile_line_is_named(tokens: Desk, tmp_path: Path) -> None:
    lines = tokens.lines(2)
    lines[6]["logprobs"][3] = 5.0
    done = tokens.imported(tmp_path / "run", lines)
    assert (done.returncode, "[INVARLOCK:E003] line 7" in done.stderr) == (5, True)


def test_a_log_of_other_documents_is_not_the_data(tokens: Desk, tmp_path: Path) -> None:
    other = write(tmp_path / "other.jsonl", token_lines(23, 2))
    found = tokens.verified(tokens.folder / "run", "--data", other)
    assert found["exit_code"] == 4
    assert {finding["code"] for finding in found["findings"]} == {"E403"}
    unreadable = write(tmp_path / "none.jsonl", [{"tokens": 1}])
    found = tokens.verified(tokens.folder / "run", "--data", unreadable)
    assert {finding["code"] for finding in found["findings"]} == {"E003"}


def test_without_a_baseline_its_digest_is_missing(choices: Desk, tmp_path: Path) -> None:
    done = run_invarlock(
        "evidence", "import", "--policy", f"{choices.policy()}#balanced+dev", "--kind", "lm-eval",
        "--baseline-log", choices.folder / "baseline.jsonl", "--subject-log",
        choices.folder / "run.jsonl", "--subject", choices.model("subject"), "--beacon", BEACON,
        "--slice", "kind", "--out", tmp_path / "run",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert choices.verified(tmp_path / "run")["exit_code"] == 0
    found = choices.verified(tmp_path / "run", "--baseline", choices.model("baseline"))
    assert {finding["code"] for finding in found["findings"]} == {"E403"}
    pin = f"require baseline.digest == sha256:{'0' * 64}\nrequire windows.match"
    found = choices.verified(tmp_path / "run", policy=choices.policy("require windows.match", pin))
    assert found["exit_code"] == 3
    windows = json.loads((tmp_path / "run" / "evidence" / "windows.json").read_text())
    assert {window["slice"] for window in windows} == {"even", "odd"}


def _header(files: dict[str, bytes], **changes: Any) -> dict[str, bytes]:
    header = {**json.loads(files["evidence.json"]), **changes}
    return sealed({**files, "evidence.json": canonical_bytes(header)})


def _windows(files: dict[str, bytes], **changes: Any) -> dict[str, bytes]:
    windows = json.loads(files["windows.json"])
    windows[0] = {**windows[0], **changes}
    return sealed(files, windows__json=canonical_bytes(windows))


def _root(files: dict[str, bytes], **changes: Any) -> dict[str, Any]:
    return {"subject": {**json.loads(files["evidence.json"])["subject"], **changes}}


ONE = "sha256:" + "1" * 64
TOKENIZER = {"vocabulary": ONE, "merges": ONE, "specials": ONE, "template": ONE}


def test_evidence_that_claims_more_than_a_log_holds_is_refused(tokens: Desk, choices: Desk) -> None:
    files, others = parts(tokens), parts(choices)
    tensors = encode_tensors(make_tensors())
    moved = b"\x00\x00\x00\x00" + files["positions.u32"][4:]
    odd = b"\x01\x00\x00\x00" + others["positions.u32"][4:]
    forged = {
        "measured": _header(files, origin="measured"),
        "no logs": _header(files, logs=None),
        "logs of another task": _header(
            files, logs={**json.loads(files["evidence.json"])["logs"], "kind": "lm-eval"}
        ),
        "no subject": _header(files, **_root(files, root=None)),
        "a tokenizer": _header(files, **_root(files, tokenizer=TOKENIZER)),
        "tensors": sealed(files, subject__tensors__json=tensors),
        "places": sealed(files, positions__u32=moved),
        "places of choices": sealed(others, positions__u32=odd),
        "an answer": _windows(files, answer=0),
        "no answer": _windows(others, answer=None),
        "too many choices": _windows(others, answer=4),
        "unsized": _windows(others, sizes=None),
    }
    for what, changed in forged.items():
        with pytest.raises(VerificationFault) as caught:
            read_evidence(changed, UNSEEN)
        assert caught.value.code in {"E405", "E403"}, what
    for what, lot in (("tokens", files), ("choices", others)):
        with pytest.raises(VerificationFault) as caught:
            read_evidence(lot, SANDBOXED)
        assert caught.value.code == "E405", what
        assert read_evidence(lot, UNSEEN).header.origin == "imported"


@pytest.mark.parametrize("change", ["origin", "work", "inputs", "logs"])
def test_a_run_that_says_otherwise_where_it_comes_from_is_refused(
    tokens: Desk, tmp_path: Path, change: str
) -> None:
    run = tmp_path / "run"
    shutil.copytree(tokens.folder / "run", run)
    head = change in {"origin", "logs"}
    file = run / ("evidence/evidence.json" if head else "runtime.manifest.json")
    document = json.loads(file.read_text())
    if change == "origin":
        document["origin"] = "measured"
    elif change == "logs":
        document["logs"]["subject"] = ONE
    elif change == "work":
        document["work"] = "measure"
    else:
        document["arms"]["subject"][0]["inputs"].append("model/config.json")
    file.write_bytes(canonical_bytes(document))
    report = json.loads((run / "evaluation.report.json").read_text())
    # The digests made to fit, as a hasty forger would.
    files = {r["path"]: (run / r["path"]).read_bytes() for r in report["files"]}
    report["files"] = [record.model_dump(mode="json") for record in records(files)]
    (run / "evaluation.report.json").write_bytes(canonical_bytes(report))
    assert tokens.verified(run)["exit_code"] == 4
