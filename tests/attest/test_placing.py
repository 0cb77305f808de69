"""What `attest` and `policy attest` write over, and what they leave alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from invarlock.attest.attest_policy import attest_policy
from invarlock.attest.attest_run import attest_run, companion_path
from invarlock.attest.bundle import sign_bundle
from invarlock.attest.keyless import KeylessSigning
from invarlock.attest.keys import load_private, new_key
from invarlock.attest.signers import KeySigning
from invarlock.canonical import canonical_bytes
from invarlock.errors import EnvironmentFault, UsageFault
from invarlock.judge.report import build_report
from tests.builders import Synthetic, report_inputs

POLICY = Path(__file__).parents[2] / "policies" / "causal_lm.invar"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run's folder with its report, signed by `mine`; `theirs` is another key."""
    folder = tmp_path / "run"
    folder.mkdir()
    report = build_report(report_inputs(Synthetic().edited()))
    document = canonical_bytes(report.model_dump(mode="json"))
    (folder / "evaluation.report.json").write_bytes(document)
    for name in ("mine", "theirs"):
        new_key(tmp_path / name)
    attest_run(folder, tmp_path / "mine", companions=["test-result"])
    return folder


def test_the_same_key_replaces_its_attestation(run: Path) -> None:
    bundle = run / "attestation.sigstore.json"
    before = bundle.read_bytes()
    attest_run(run, run.parent / "mine", companions=["test-result"])
    attest_run(run, run.parent / "mine")
    assert bundle.read_bytes() != before


def test_nobody_else_does(run: Path) -> None:
    kept = (run / "attestation.sigstore.json").read_bytes()
    absent = KeySigning(f"file:{run.parent / 'absent'}")
    for signer in (run.parent / "theirs", absent, KeylessSigning()):
        with pytest.raises(UsageFault, match="already exists") as caught:
            attest_run(run, signer)
        assert (caught.value.code, "--out" in caught.value.hint) == ("E702", True)
    assert not (run.parent / "absent").exists()
    assert (run / "attestation.sigstore.json").read_bytes() == kept
    attest_run(run, run.parent / "theirs", run / "theirs.json")


@pytest.mark.parametrize("companions", [[], ["test-result"]])
def test_a_companion_of_another_statement_is_no_company(run: Path, companions: list[str]) -> None:
    path = companion_path(run / "attestation.sigstore.json", "test-result")
    path.write_bytes(sign_bundle(b"{}", load_private(run.parent / "theirs")))
    with pytest.raises(UsageFault) as caught:
        attest_run(run, run.parent / "mine", companions=companions)  # type: ignore[arg-type]
    assert caught.value.code == "E702"
    path.unlink()
    attest_run(run, run.parent / "mine", companions=companions)  # type: ignore[arg-type]


def test_a_file_that_is_no_bundle_and_a_folder_stay(run: Path) -> None:
    (run / "notes.txt").write_text("mine")
    for name, why in (("notes.txt", "already exists"), (".", "is a folder")):
        with pytest.raises(UsageFault, match=why) as caught:
            attest_run(run, run.parent / "mine", run / name)
        assert caught.value.code == "E702"
    with pytest.raises(EnvironmentFault) as lost:
        attest_run(run, run.parent / "mine", run / "none" / "bundle.json")
    assert lost.value.code == "E601"


def test_a_registration_is_never_written_over(tmp_path: Path) -> None:
    new_key(tmp_path / "key")
    signer = KeySigning(f"file:{tmp_path / 'key'}")
    out = tmp_path / "registration.json"
    first = attest_policy(f"{POLICY}#balanced+dev", signer, out)
    kept = out.read_bytes()
    with pytest.raises(UsageFault, match="already exists") as caught:
        attest_policy(f"{POLICY}#balanced+dev", signer, out)
    assert caught.value.code == "E702"
    assert out.read_bytes() == kept
    assert attest_policy(f"{POLICY}#balanced+ci", signer, tmp_path / "ci.json").bar != first.bar
