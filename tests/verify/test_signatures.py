"""Several signers: each with a bundle of its own over the one statement, counted once each."""

from __future__ import annotations

from pathlib import Path

import pytest

from invarlock.attest.attest_run import attest_run
from invarlock.attest.keys import new_key
from invarlock.errors import UsageFault
from invarlock.judge import Key, signature_values
from invarlock.policy.signers import KeySigner, WorkflowSigner
from invarlock.verify.result import VerificationResult
from tests.builders import make_bar
from tests.verify.runs import BAR, POLICY, Scene, case, documents, make_scene, report_of, signed

SIGNERS = b"in {team, release}"


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A run signed by `key`, its bundle; and by `other`, in a bundle beside it."""
    scene = make_scene(tmp_path)
    files = documents(case())
    report = report_of(files).encode()
    scene.publish(files, report, signed(report))
    other = new_key(tmp_path / "other")
    attest_run(tmp_path / "run", tmp_path / "other", tmp_path / "run" / "other.json")
    two = POLICY.replace(SIGNERS, b"in {team, other}").replace(
        b"signer release {",
        f"signer other {{ key = {other.fingerprint} }}\nsigner release {{".encode(),
    )
    (tmp_path / "one.invar").write_bytes(two)
    both = two.replace(
        b"require tokenizer.same", b"require signature.count >= 2\nrequire tokenizer.same"
    )
    (tmp_path / "both.invar").write_bytes(both)
    return scene


def verified(scene: Scene, policy: str, *keys: str, cosigned: bool) -> VerificationResult:
    return scene.verify(
        policy=f"{scene.root / policy}#{BAR[0]}+{BAR[1]}",
        keys=tuple(scene.root / key for key in keys),
        cosigned=(scene.root / "run" / "other.json",) if cosigned else (),
    )


def codes(result: VerificationResult) -> set[str]:
    return {finding.code for finding in result.findings}


def gate(result: VerificationResult, name: str) -> tuple[str | None, str]:
    return next((gate.observed, gate.verdict) for gate in result.gates if gate.id == name)


def test_two_signatures_clear_a_bar_that_asks_for_two(scene: Scene) -> None:
    result = verified(scene, "both.invar", "key.pub", "other.pub", cosigned=True)
    assert result.exit_code == 0
    assert gate(result, "signature.count") == ("2", "pass")
    assert [one.bundle.rpartition("/")[2] for one in result.signers] == [
        "attestation.sigstore.json",
        "other.json",
    ]


def test_one_signature_does_not(scene: Scene) -> None:
    result = verified(scene, "both.invar", "key.pub", "other.pub", cosigned=False)
    assert (result.exit_code, gate(result, "signature.count")) == (1, ("1", "fail"))
    assert verified(scene, "one.invar", "key.pub", "other.pub", cosigned=False).exit_code == 0


def test_the_same_signer_twice_is_one(scene: Scene) -> None:
    (scene.root / "run" / "other.json").unlink()
    attest_run(scene.root / "run", scene.root / "key", scene.root / "run" / "other.json")
    result = verified(scene, "both.invar", "key.pub", "other.pub", cosigned=True)
    assert (result.exit_code, gate(result, "signature.count")) == (1, ("1", "fail"))


def test_a_signer_that_the_bar_does_not_allow_is_not_counted(scene: Scene) -> None:
    text = (scene.root / "both.invar").read_bytes()
    (scene.root / "team.invar").write_bytes(text.replace(b"in {team, other}", b"in {team}"))
    result = verified(scene, "team.invar", "key.pub", "other.pub", cosigned=True)
    assert (result.exit_code, gate(result, "signature.count")) == (1, ("1", "fail"))
    assert gate(result, "signature.by")[1] == "pass"


def test_a_further_signature_by_a_key_that_nobody_named_is_refused(scene: Scene) -> None:
    result = verified(scene, "both.invar", "key.pub", cosigned=True)
    assert (result.exit_code, codes(result)) == (4, {"E401"})


def test_bundles_of_two_runs_are_refused(scene: Scene) -> None:
    files = documents(case(worse=0.02))
    report = report_of(files).encode()
    scene.publish(files, report, signed(report))
    result = verified(scene, "both.invar", "key.pub", "other.pub", cosigned=True)
    assert (result.exit_code, codes(result)) == (4, {"E403"})
    assert result.subject is None


def test_nobody_to_trust_is_a_mistake_of_the_call(scene: Scene) -> None:
    keys_alone = POLICY.replace(SIGNERS, b"in {team}")
    (scene.root / "keys.invar").write_bytes(keys_alone)
    bar = f"{scene.root / 'keys.invar'}#{BAR[0]}+{BAR[1]}"
    for policy in (None, bar):
        with pytest.raises(UsageFault, match="no key and no identity") as caught:
            scene.verify(keys=(), policy=policy)
        assert caught.value.code == "E701"
    assert scene.verify(policy=bar).exit_code == 0


def test_one_workflow_at_two_refs_is_one_signer() -> None:
    def workflow(**other: str) -> WorkflowSigner:
        parts = {
            "repository": "https://github.com/acme/models",
            "workflow": ".github/workflows/release.yml",
            "ref": "refs/tags/v1",
            "issuer": "https://token.actions.githubusercontent.com",
        }
        return WorkflowSigner(**{**parts, **other})

    key = KeySigner(key="sha256:" + "0" * 64)
    for others, count in (
        ([workflow(ref="refs/tags/v2")], 1),
        ([workflow(ref="refs/heads/main"), workflow(ref="refs/tags/v2")], 1),
        ([workflow(workflow=".github/workflows/second.yml")], 2),
        ([workflow(repository="https://github.com/acme/other")], 2),
        ([workflow(issuer="https://gitlab.com")], 2),
        ([key, workflow(ref="refs/tags/v2")], 2),
    ):
        signers = dict.fromkeys([workflow(), *others], True)
        values = signature_values(signers, make_bar())
        assert values[Key("signature.count")].point == count
