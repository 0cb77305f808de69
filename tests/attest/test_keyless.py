"""`attest --sigstore` as typed, against a Sigstore on the loopback."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sigstore.models import Bundle, ClientTrustConfig, TrustedRoot
from sigstore.verify import Verifier, policy

from invarlock.attest.parse import parse_model
from invarlock.attest.statement import parse_statement
from invarlock.attest.trust_root import root_of_file
from invarlock.cli import main
from invarlock.judge.records import Report
from tests.conftest import ROOT
from tests.sigstore_double import GitHub, SigstoreDouble
from tests.sigstore_double.tokens import ACCOUNTS, GITHUB, person, token
from tests.verify.runs import Scene, case, documents, make_scene, report_of, signed

Answer = dict[str, Any]
WORKFLOW = token(GitHub().claims())


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    scene = make_scene(tmp_path_factory.mktemp("scene"))
    files = documents(case())
    report = report_of(files).encode()
    scene.publish(files, report, signed(report))
    return scene


def attest(scene: Scene, config: Path, out: Path, *more: str) -> int:
    words = ["attest", str(scene.root / "run"), "--sigstore", "--trust-config", str(config)]
    return main([*words, "--out", str(out), "--format", "json", *more])


def told(capsys: pytest.CaptureFixture[str]) -> Answer:
    answer: Answer = json.loads(capsys.readouterr().out)
    return answer


@pytest.mark.parametrize("rekor", [1, 2])
def test_the_statement_is_signed_as_it_is_and_others_verify_it(
    scene: Scene,
    sigstore_double: SigstoreDouble,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    rekor: int,
) -> None:
    out = tmp_path / "bundle.json"
    config = sigstore_double.write(tmp_path, rekor)
    assert attest(scene, config, out, "--identity-token", WORKFLOW) == 0
    done = told(capsys)
    assert done["keyless"]["identity"] == GitHub().identity
    assert done["keyless"]["issuer"] == GITHUB
    assert done["keyless"]["timestamps"] == 1
    bundle = Bundle.from_json(out.read_bytes())
    root = TrustedRoot.from_file(str(sigstore_double.write_root(tmp_path)))
    expected = policy.Identity(identity=GitHub().identity, issuer=GITHUB)
    kind, payload = Verifier(trusted_root=root).verify_dsse(bundle, expected)
    assert kind == "application/vnd.in-toto+json"
    report = (scene.root / "run" / "evaluation.report.json").read_bytes()
    assert payload == signed(report)
    document = json.loads(out.read_bytes())
    assert base64.b64decode(document["dsseEnvelope"]["payload"]) == payload
    assert parse_statement(payload).predicate.verdict == (
        parse_model(Report, report, what="report", max_bytes=1 << 20).verdict
    )
    entry = document["verificationMaterial"]["tlogEntries"][0]
    assert entry["kindVersion"]["version"] == f"0.0.{rekor}"


def test_a_log_of_the_first_kind_needs_no_timestamp(
    scene: Scene,
    sigstore_double: SigstoreDouble,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "bundle.json"
    config = sigstore_double.write(tmp_path, 1, stamped=False)
    assert attest(scene, config, out, "--identity-token", WORKFLOW) == 0
    assert told(capsys)["keyless"]["timestamps"] == 0


def test_a_token_may_be_in_a_file(
    scene: Scene,
    sigstore_double: SigstoreDouble,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "token").write_text(token(person("ada@example.com")) + "\n")
    config = sigstore_double.write(tmp_path)
    more = ["--identity-token", str(tmp_path / "token")]
    assert attest(scene, config, tmp_path / "bundle.json", *more) == 0
    found = told(capsys)["keyless"]
    assert (found["identity"], found["issuer"]) == ("ada@example.com", ACCOUNTS)


def test_a_job_of_github_signs_with_its_own_identity(
    scene: Scene,
    sigstore_double: SigstoreDouble,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ci-job")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{sigstore_double.url}/ci/token?api=1")
    out = tmp_path / "bundle.json"
    assert attest(scene, sigstore_double.write(tmp_path), out) == 0
    assert told(capsys)["keyless"]["identity"] == GitHub().identity
    monkeypatch.delenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    assert attest(scene, sigstore_double.write(tmp_path), tmp_path / "other.json") == 2
    assert told(capsys)["code"] == "E703"


def test_a_job_of_gitlab_signs_with_the_token_that_it_asked_for(
    scene: Scene,
    sigstore_double: SigstoreDouble,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.setenv("GITLAB_CI", "true")
    monkeypatch.setenv("SIGSTORE_ID_TOKEN", WORKFLOW)
    assert attest(scene, sigstore_double.write(tmp_path), tmp_path / "bundle.json") == 0
    assert told(capsys)["keyless"]["identity"] == GitHub().identity


BROWSER = """\
#!{python}
import sys, urllib.request
urllib.request.urlopen(sys.argv[1]).read()
"""


def test_elsewhere_a_person_logs_in_with_a_browser(
    scene: Scene, sigstore_double: SigstoreDouble, tmp_path: Path
) -> None:
    browser = tmp_path / "browser"
    browser.write_text(BROWSER.format(python=sys.executable))
    browser.chmod(0o755)
    words = ["attest", scene.root / "run", "--sigstore", "--out", tmp_path / "bundle.json"]
    words += ["--trust-config", sigstore_double.write(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "invarlock", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=ROOT,
        env={"BROWSER": f"{browser} %s", "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    assert "signed by    ada@example.com" in done.stdout


def test_what_cannot_be_signed_writes_nothing(
    scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "bundle.json"
    with SigstoreDouble() as double:
        config = double.write(tmp_path)

        def refused(*more: str) -> tuple[int, str]:
            status = attest(scene, config, out, *more)
            assert not out.exists()
            return status, told(capsys)["code"]

        good = ["--identity-token", WORKFLOW]
        assert refused("--identity-token", "no such token") == (2, "E703")
        expired = token(GitHub().claims(), age=7200)
        assert refused("--identity-token", expired) == (2, "E703")
        other = token(GitHub().claims(), audience="somebody else")
        assert refused("--identity-token", other) == (2, "E703")
        double.faults.tsa_down = True
        assert refused(*good) == (6, "E620")
        double.faults.tsa_down = False
        double.faults.foreign_sct = True
        assert refused(*good) == (6, "E620")
        double.faults.foreign_sct = False
        assert attest(scene, config, out, *good) == 0
        out.unlink()
        capsys.readouterr()
    assert refused(*good) == (6, "E620")


def test_companions_share_the_certificate(
    scene: Scene,
    sigstore_double: SigstoreDouble,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "bundle.sigstore.json"
    more = ["--identity-token", WORKFLOW, "--companion", "test-result"]
    assert attest(scene, sigstore_double.write(tmp_path), out, *more) == 0
    (companion,) = told(capsys)["companions"]
    certificates = {
        json.loads(Path(path).read_bytes())["verificationMaterial"]["certificate"]["rawBytes"]
        for path in (out, companion)
    }
    assert len(certificates) == 1


def test_what_does_not_go_together_is_usage(
    scene: Scene,
    sigstore_double: SigstoreDouble,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run, config = str(scene.root / "run"), str(sigstore_double.write(tmp_path))
    root = str(sigstore_double.write_root(tmp_path))
    (tmp_path / "list.json").write_text("[]")
    for words, code in (
        ([], 2),
        (["--sigstore", "--key", str(scene.root / "key")], 2),
        (["--key", str(scene.root / "key"), "--trust-config", config], 2),
        (["--sigstore", "--timestamp-authority", "http://127.0.0.1:9"], 2),
        (["--sigstore", "--trust-config", root], 2),
        (["--sigstore", "--trust-config", str(tmp_path / "list.json")], 2),
        (["--sigstore", "--trust-config", str(tmp_path / "none.json")], 6),
    ):
        assert main(["attest", run, *words, "--out", str(tmp_path / "bundle.json")]) == code
        assert "INVARLOCK:E" in capsys.readouterr().err


def test_the_example_of_a_trust_configuration_is_one() -> None:
    example = ROOT / "attest" / "trust-config.example.json"
    config = ClientTrustConfig.from_json(example.read_text())
    assert config.signing_config.get_oidc_url().startswith("https://")
    assert len(config.signing_config.get_tlogs()) == len(config.signing_config.get_tsas()) == 1
    root = root_of_file(example)
    assert root.stale(datetime.now(UTC)) is None
    assert "127.0.0.1" not in example.read_text()
