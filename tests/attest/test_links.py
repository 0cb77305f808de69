"""Links and layout of a release, as the reference implementation verifies them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from in_toto.exceptions import (
    BadReturnValueError,
    LayoutExpiredError,
    LinkNotFoundError,
    RuleVerificationError,
    SignatureVerificationError,
    ThresholdVerificationError,
)

from invarlock.artifacts.folder import tree_of
from invarlock.attest.attest_run import BUNDLE_FILE
from invarlock.attest.keys import load_public
from invarlock.attest.links import TEMPLATE, filled
from invarlock.attest.steps import STEPS
from invarlock.canonical import digest_bytes
from invarlock.cli import main
from invarlock.data import data_folder
from tests.attest.releases import Release, finish, make_release
from tests.sigstore_double import GitHub, SigstoreDouble
from tests.sigstore_double.tokens import token
from tests.verify.certified import LOGGED
from tests.verify.runs import BAR, POLICY, Scene

# in-toto reads its patterns through a name that pathspec means to drop.
pytestmark = pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("release")
    finish(make_release(root))
    return root


@pytest.fixture
def release(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Release:
    """A finished release of its own, where `invarlock` is on the path for the inspection."""
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    shutil.copytree(finished, tmp_path / "release")
    return Release(Scene(tmp_path / "release"))


def link_of(release: Release, step: str) -> Path:
    (found,) = release.root.glob(f"{step}.????????.link")
    return found


def test_a_good_release_verifies(release: Release) -> None:
    release.check()


def test_its_own_command_takes_the_keys_as_they_are(release: Release) -> None:
    words = ["in-toto-verify", "--layout", "root.layout", "--verification-keys", "keys/owner.pub"]
    assert subprocess.run(words, cwd=release.root, check=False).returncode == 0
    other_weights(release)
    assert subprocess.run(words, cwd=release.root, check=False).returncode == 1


def test_the_subject_is_one_artifact_and_its_hash_is_the_root_digest(release: Release) -> None:
    listing = release.root / "subject.files.json"
    assert main(["advanced", "files", str(release.root / "subject"), "-o", str(listing)]) == 0
    assert digest_bytes(listing.read_bytes()) == tree_of(release.root / "subject")[0]


def attested_again(release: Release) -> None:
    assert release.attest() == 0


def signed_again_without_a_link(release: Release) -> None:
    bundle = release.root / "run" / BUNDLE_FILE
    before = bundle.read_bytes()
    assert main(["attest", str(bundle.parent), "--key", str(release.root / "key")]) == 0
    assert bundle.read_bytes() != before


def other_weights(release: Release) -> None:
    (release.root / "subject" / "model.safetensors").write_bytes(b"swapped")


def one_file_more(release: Release) -> None:
    (release.root / "subject" / "extra.safetensors").write_bytes(b"more")


def one_file_less(release: Release) -> None:
    (release.root / "subject" / "tokenizer.json").unlink()


def one_file_renamed(release: Release) -> None:
    model = release.root / "subject"
    (model / "tokenizer.json").rename(model / "vocabulary.json")


def another_policy(release: Release) -> None:
    (release.root / "bar.invar").write_bytes(POLICY.replace(b"1.10", b"1.90"))
    assert release.compile() == 0


def another_result(release: Release) -> None:
    (release.root / "verification.json").write_text("{}")


@pytest.mark.parametrize(
    ("change", "step"),
    [
        (attested_again, "verify"),
        (signed_again_without_a_link, "deploy"),
        (other_weights, "deploy"),
        (one_file_more, "deploy"),
        (one_file_less, "deploy"),
        (one_file_renamed, "deploy"),
        (another_policy, "measure"),
        (another_result, "deploy"),
    ],
)
def test_what_nobody_verified_shows(
    release: Release, change: Callable[[Release], None], step: str
) -> None:
    change(release)
    with pytest.raises(RuleVerificationError, match=f"'{step}'"):
        release.check()


@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_is_missing_shows(release: Release, step: str) -> None:
    link_of(release, step).unlink()
    with pytest.raises(LinkNotFoundError, match=f"'{step}'"):
        release.check()


@pytest.mark.parametrize("by", ["stranger", "measure"])
def test_a_link_by_another_functionary_does_not_count(release: Release, by: str) -> None:
    name = link_of(release, "verify")
    name.unlink()
    assert release.verify(by=by) == 0
    # as in-toto looks links up by the name of an authorised key, the stranger borrows it
    link_of(release, "verify").rename(name)
    with pytest.raises(ThresholdVerificationError, match="'verify'"):
        release.check()


def test_a_link_altered_after_it_was_signed_does_not_count(release: Release) -> None:
    link = link_of(release, "attest")
    envelope = json.loads(link.read_bytes())
    (signature,) = envelope["signatures"]
    signature["sig"] = signature["sig"][:-8] + "AAAAAAA="
    link.write_text(json.dumps(envelope))
    with pytest.raises(ThresholdVerificationError, match="'attest'"):
        release.check()


def test_an_expired_layout_is_refused(release: Release) -> None:
    assert release.layout("2020-01-01") == 0
    with pytest.raises(LayoutExpiredError):
        release.check()


def test_a_layout_of_another_owner_is_refused(release: Release) -> None:
    shutil.copy(release.key("stranger"), release.key("owner"))
    assert release.layout() == 0
    with pytest.raises(SignatureVerificationError):
        release.check()


def test_a_model_that_cannot_be_listed_is_refused(release: Release) -> None:
    shutil.rmtree(release.root / "subject")
    with pytest.raises(BadReturnValueError):
        release.check()


def test_a_verification_that_did_not_pass_leaves_no_link(release: Release) -> None:
    link_of(release, "verify").unlink()
    (release.root / "verification.json").unlink()
    other_weights(release)
    assert release.verify() == 4
    assert release.verify("--level", "signed") != 0
    assert not list(release.root.glob("verify.*"))
    assert not (release.root / "verification.json").exists()
    with pytest.raises(LinkNotFoundError):
        release.check()


def test_a_verification_without_the_evidence_leaves_no_link(
    release: Release, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would name files that nobody had."""
    link_of(release, "verify").unlink()
    (release.root / "verification.json").unlink()
    evidence = release.root / "run" / "evidence"
    evidence.rename(release.root / "kept")
    assert release.verify("--accept-strictness") == 0
    assert "pass --run" in capsys.readouterr().err
    assert not list(release.root.glob("verify.*"))
    assert not (release.root / "verification.json").exists()
    (release.root / "kept").rename(evidence)
    assert release.verify("--accept-strictness") == 0
    release.check()


def test_a_run_that_is_not_what_its_report_lists_gets_no_link(
    release: Release, capsys: pytest.CaptureFixture[str]
) -> None:
    link_of(release, "attest").unlink()
    manifest = release.root / "run" / "runtime.manifest.json"
    manifest.write_bytes(manifest.read_bytes() + b" ")
    assert release.attest() == 4
    assert "[INVARLOCK:E403] `runtime.manifest.json`" in capsys.readouterr().err
    assert not list(release.root.glob("attest.*.link"))


def test_a_keyless_attestation_stands_under_the_layout_too(
    release: Release, sigstore_double: SigstoreDouble, tmp_path: Path
) -> None:
    """And the consumer's bar is another than the producer's."""
    run, bar, who = release.root / "run", release.root / "logged.invar", GitHub()
    bar.write_bytes(LOGGED)
    (run / "attestation.sigstore.json").unlink()
    config = sigstore_double.write(tmp_path, 1)
    words = ["attest", run, "--sigstore", "--trust-config", config, "--identity-token"]
    assert release.link("attest", *words, token(who.claims())) == 0
    with pytest.raises(RuleVerificationError, match="'verify'"):
        release.check()
    verify = ["verify", run, "--identity", who.identity, "--issuer", who.issuer]
    verify += ["--trusted-root", sigstore_double.write_root(tmp_path)]
    verify += ["--policy", f"{bar}#{BAR[0]}+{BAR[1]}", "--subject", release.root / "subject"]
    assert release.link("verify", *verify) == 0
    release.check()


def test_who_may_do_what(release: Release, capsys: pytest.CaptureFixture[str]) -> None:
    key, out = str(release.key("owner")), str(release.root / "other.layout")
    rest = ["--expires", "2999-01-01", "--key", key, "-o", out]
    public = f"{release.key('compile')}.pub"
    wrong = {
        "E701": [["--functionary", f"deploy={public}"], ["--functionary", f"compile={public}"]],
        "E703": [["--functionary", f"compile={release.key('compile')}"]],
        "E601": [["--functionary", "compile=nowhere.pub"]],
    }
    for code, lines in wrong.items():
        for words in lines:
            assert main(["advanced", "layout", *words, *rest]) != 0
            assert f"[INVARLOCK:{code}]" in capsys.readouterr().err
    assert main(["advanced", "layout", "--functionary", f"x={public}", *rest[2:], "--expires",
                 "soon"]) == 2  # fmt: skip
    assert not Path(out).exists()


def test_only_steps_of_a_release_are_carried_out(
    release: Release, capsys: pytest.CaptureFixture[str]
) -> None:
    assert release.link("attest", "key", "new", release.root / "made") == 2
    assert "is no step of a release" in capsys.readouterr().err
    assert not (release.root / "made").exists()
    link_of(release, "attest").unlink()
    assert release.link("attest", "attest", release.root / "run", "--dry-run") == 2
    assert not list(release.root.glob("attest.*.link"))


def test_template_names_every_step_and_its_command() -> None:
    document = json.loads((data_folder("attest") / TEMPLATE).read_bytes())
    found = {step["name"]: tuple(step["expected_command"][1:]) for step in document["steps"]}
    assert found == dict(STEPS)
    assert document["keys"] == {}
    assert document["expires"] == ""


def test_several_functionaries_and_another_place(release: Release) -> None:
    from datetime import UTC, datetime

    keys = {name: load_public(Path(f"{release.key(name)}.pub")) for name in ("owner", "verify")}
    pairs = [(step, keys["verify"]) for step in STEPS] + [("verify", keys["owner"])]
    document = filled(pairs, datetime(2999, 1, 1, tzinfo=UTC), "/models/edited")
    assert [len(step["pubkeys"]) for step in document["steps"]] == [1, 1, 1, 2]
    assert len(document["keys"]) == 2
    assert "/models/edited" in document["inspect"][0]["run"]


def test_without_in_toto_the_extra_is_named(release: Release) -> None:
    script = "import sys; sys.modules['in_toto'] = None\nfrom invarlock.cli import main\n"
    script += "sys.exit(main(sys.argv[1:]))"
    words = ["advanced", "link", "--key", str(release.key("compile")), "policy", "compile", "x"]
    done = subprocess.run(
        [sys.executable, "-c", script, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 6
    assert "[INVARLOCK:E605]" in done.stderr
    assert "invarlock[advanced]" in done.stderr


@pytest.mark.parametrize(
    ("style", "shown"), [("text", "outcome     pass"), ("json", '"pass"'), ("sarif", "2.1.0")]
)
def test_a_link_of_verify_prints_what_was_asked_for(
    release: Release, capsys: pytest.CaptureFixture[str], style: str, shown: str
) -> None:
    capsys.readouterr()
    assert release.verify("--format", style) == 0
    assert shown in capsys.readouterr().out
    kept = json.loads((release.root / "verification.json").read_bytes())
    assert (kept["version"], kept["outcome"]) == ("invarlock.verification/1", "pass")
