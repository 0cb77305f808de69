"""Signatures and provenance of models: demanded by the bar, real ones, and every wrong one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from model_signing import hashing, signing

from invarlock.attest.bundle import parse_bundle, sign_bundle
from invarlock.attest.keyless import KeylessSigning, sign_keyless
from invarlock.attest.keys import load_private, new_key
from invarlock.errors import UsageFault
from invarlock.verify.result import VerificationResult
from tests.builders import BASELINE_FILES, SUBJECT_FILES, root_of
from tests.conftest import run_invarlock
from tests.sigstore_double import GitHub, SigstoreDouble
from tests.sigstore_double.tokens import token
from tests.verify.runs import (
    FINGERPRINT,
    POLICY,
    Scene,
    case,
    documents,
    make_scene,
    report_of,
    signed,
)

GATES = ("subject.signature.by", "baseline.signature.by")
BUILDER = "https://github.com/acme/models/.github/workflows/quantise.yml@refs/tags/v1"


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    found = make_scene(tmp_path)
    files = documents(case())
    report = report_of(files).encode()
    found.publish(files, report, signed(report))
    new_key(tmp_path / "other")
    return found


def asking(scene: Scene, *gates: str, who: str = "team") -> str:
    """The consumer's bar, which asks for these, too."""
    path = scene.root / "asking.invar"
    lines = "".join(f"require {gate} in {{{who}}}\n" for gate in gates).encode()
    path.write_bytes(POLICY.replace(b"require tokenizer.same", lines + b"require tokenizer.same"))
    return f"{path}#balanced+dev"


def oms(scene: Scene, arm: str, key: str = "key", **serialization: Any) -> Path:
    """A real signature of the arm's folder, by the library."""
    out = scene.root / f"{arm}.sig"
    config = signing.Config().use_elliptic_key_signer(private_key=scene.root / key)
    if serialization:
        hashed = hashing.Config()
        getattr(hashed, serialization.pop("method", "use_file_serialization"))(**serialization)
        config.set_hashing_config(hashed)
    config.sign(scene.root / arm, out)
    return out


def statement(scene: Scene, **changes: Any) -> Path:
    """A SLSA provenance of the subject by its root, signed by the team."""
    body: dict[str, Any] = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "m", "digest": {"sha256": root_of(SUBJECT_FILES)[7:]}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {"buildType": "https://example.org/quantise"},
            "runDetails": {"builder": {"id": BUILDER}},
        },
    }
    out = scene.root / "provenance"
    payload = json.dumps({**body, **changes}).encode()
    out.write_bytes(sign_bundle(payload, load_private(scene.root / "key")))
    return out


def keyless(scene: Scene, double: SigstoreDouble, who: GitHub) -> Path:
    """A model signature with a workflow's certificate."""
    payload = parse_bundle(oms(scene, "subject").read_bytes()).payload
    how = KeylessSigning(trust_config=double.write(scene.root), token=token(who.claims()))
    out = scene.root / "keyless.sig"
    out.write_bytes(sign_keyless([payload], how)[0].bundle)
    return out


def findings(result: VerificationResult) -> list[tuple[str, str, str]]:
    return [(f.kind, f.code, f.what) for f in result.findings]


def verdicts(result: VerificationResult) -> dict[str, str]:
    return {gate.id: gate.verdict for gate in result.gates}


def test_a_bar_that_asks_is_cleared_with_real_signatures(scene: Scene) -> None:
    result = scene.verify(
        policy=asking(scene, *GATES),
        subject_signature=oms(scene, "subject"),
        baseline_signature=oms(scene, "baseline"),
    )
    assert (result.outcome, findings(result)) == ("pass", [])
    assert {verdicts(result)[gate] for gate in GATES} == {"pass"}
    assert [(one.model, one.by, FINGERPRINT in one.signer) for one in result.vouched] == [
        ("subject", "signature", True),
        ("baseline", "signature", True),
    ]


def test_what_lies_in_the_folder_is_not_looked_at(scene: Scene) -> None:
    shutil.copy(oms(scene, "subject"), scene.root / "subject" / "model.sig")
    result = scene.verify(policy=asking(scene, GATES[0]))
    assert (result.exit_code, result.outcome) == (3, "incomplete")
    assert verdicts(result)[GATES[0]] == "incomplete"


@pytest.mark.parametrize("gate", [*GATES, "subject.provenance.by", "baseline.provenance.by"])
def test_one_that_is_missing_never_passes(scene: Scene, gate: str) -> None:
    assert scene.verify().outcome == "pass"
    result = scene.verify(policy=asking(scene, gate))
    assert (result.exit_code, verdicts(result)[gate]) == (3, "incomplete")


def test_a_producer_leaves_them_pending(scene: Scene) -> None:
    from invarlock.judge import decide, estimate
    from invarlock.judge.signature import PENDING
    from invarlock.policy import load_policy
    from tests.verify.runs import compiled

    _, bar = load_policy(Path(asking(scene, GATES[0]).split("#")[0])).bar("balanced", "dev")
    evidence = case(policy=compiled()).evidence()
    found = decide(bar, estimate(evidence, evidence.header.contract).also(PENDING))
    assert (found.verdict, GATES[0] in found.pending) == ("pass", True)


def test_another_models_signature_is_refused(scene: Scene) -> None:
    other = oms(scene, "baseline")
    result = scene.verify(policy=asking(scene, GATES[0]), subject_signature=other)
    (finding,) = findings(result)
    assert (result.exit_code, finding[1]) == (4, "E403")
    assert "of other files: `model.safetensors`" in finding[2]


def test_a_signature_by_another_key_is_refused(scene: Scene) -> None:
    policy, sig = asking(scene, GATES[0]), oms(scene, "subject", "other")
    result = scene.verify(policy=policy, subject_signature=sig)
    assert (result.exit_code, [code for _, code, _ in findings(result)]) == (4, ["E401"])


def test_a_key_that_the_bar_does_not_name_fails_its_gate(scene: Scene) -> None:
    """Trusted for models by the consumer, and not by his bar."""
    result = scene.verify(
        policy=asking(scene, GATES[0]),
        subject_signature=oms(scene, "subject", "other"),
        model_keys=(scene.root / "other.pub",),
    )
    assert (result.exit_code, verdicts(result)[GATES[0]]) == (1, "fail")


def test_a_key_for_models_signs_no_attestation(scene: Scene) -> None:
    result = scene.verify(keys=(scene.root / "other.pub",), model_keys=(scene.root / "key.pub",))
    assert [code for _, code, _ in findings(result)] == ["E401"]


UNFIT: dict[str, tuple[dict[str, Any], str]] = {
    "blake2": ({"hashing_algorithm": "blake2"}, "by `blake2b`"),
    "blake3": ({"hashing_algorithm": "blake3"}, "by `blake3`"),
    "shards": ({"method": "use_shard_serialization", "shard_size": 4}, "over `shards`"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_hashes_that_cannot_be_compared_are_refused_by_name(scene: Scene, name: str) -> None:
    how, says = UNFIT[name]
    sig = oms(scene, "subject", **how)
    result = scene.verify(policy=asking(scene, GATES[0]), subject_signature=sig)
    (finding,) = findings(result)
    assert finding[1] == "E402"
    assert says in finding[2]


def test_a_file_that_was_ignored_is_not_signed(scene: Scene) -> None:
    sig = oms(scene, "subject", ignore_paths=[scene.root / "subject" / "tokenizer.json"])
    config = hashing.Config().set_ignored_paths(paths=[scene.root / "subject" / "tokenizer.json"])
    signer = signing.Config().use_elliptic_key_signer(private_key=scene.root / "key")
    signer.set_hashing_config(config).sign(scene.root / "subject", sig)
    result = scene.verify(policy=asking(scene, GATES[0]), subject_signature=sig)
    (finding,) = findings(result)
    assert (finding[1], "`tokenizer.json`" in finding[2]) == ("E403", True)


def test_keys_of_other_curves_are_refused_by_name(scene: Scene) -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (scene.root / "p384").write_bytes(pem)
    from cryptography.hazmat.primitives.serialization import PublicFormat

    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (scene.root / "p384.pub").write_bytes(public)
    with pytest.raises(UsageFault, match="neither P-256 nor Ed25519"):
        scene.verify(
            subject_signature=oms(scene, "subject", "p384"),
            model_keys=(scene.root / "p384.pub",),
        )


TAMPERED: dict[str, tuple[Callable[[Any], object], str]] = {
    "a subject that its files do not give": (
        lambda s: s["subject"][0]["digest"].update(sha256="5" * 64),
        "E403",
    ),
    "a file twice": (
        lambda s: s["predicate"]["resources"].append(s["predicate"]["resources"][0]),
        "E405",
    ),
    "a file more": (
        lambda s: s["predicate"]["resources"].append(
            {"name": "x", "algorithm": "sha256", "digest": "5" * 64}
        ),
        "E403",
    ),
    "two subjects": (lambda s: s["subject"].append(s["subject"][0]), "E405"),
    "the format before 1.0": (
        lambda s: s.update(predicateType="https://model_signing/Digests/v0.1"),
        "E402",
    ),
    "no resources": (lambda s: s["predicate"].pop("resources"), "E405"),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_a_statement_signed_by_the_right_key_must_fit(scene: Scene, name: str) -> None:
    import base64

    change, code = TAMPERED[name]
    envelope = json.loads(oms(scene, "subject").read_bytes())["dsseEnvelope"]
    body = json.loads(base64.b64decode(envelope["payload"]))
    change(body)
    path = scene.root / "tampered"
    path.write_bytes(sign_bundle(json.dumps(body).encode(), load_private(scene.root / "key")))
    result = scene.verify(policy=asking(scene, GATES[0]), subject_signature=path)
    assert (result.exit_code, [one[1] for one in findings(result)]) == (4, [code])


def test_a_provenance_is_held_against_the_model_and_its_builder_shown(scene: Scene) -> None:
    policy = asking(scene, "subject.provenance.by")
    result = scene.verify(policy=policy, subject_provenance=statement(scene))
    assert (result.outcome, findings(result)) == ("pass", [])
    assert [one.builder for one in result.vouched] == [BUILDER]
    files = [{"name": f.path, "digest": {"sha256": f.digest[7:]}} for f in SUBJECT_FILES]
    again = scene.verify(policy=policy, subject_provenance=statement(scene, subject=files))
    assert again.outcome == "pass"


OTHERS = {
    "the baseline's root": [{"digest": {"sha256": root_of(BASELINE_FILES)[7:]}}],
    "one file of several": [{"name": "model.safetensors", "digest": {"sha256": "x"}}],
    "a shared file": [{"name": "config.json", "digest": {"sha256": SUBJECT_FILES[0].digest[7:]}}],
    "all files by other names": [
        {"name": f"x{f.path}", "digest": {"sha256": f.digest[7:]}} for f in SUBJECT_FILES
    ],
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_provenance_of_something_else_is_refused(scene: Scene, name: str) -> None:
    result = scene.verify(
        policy=asking(scene, "subject.provenance.by"),
        subject_provenance=statement(scene, subject=OTHERS[name]),
    )
    assert (result.exit_code, [one[1] for one in findings(result)]) == (4, ["E403"])


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"predicateType": "https://slsa.dev/provenance/v0.2"}, "E402"),
        ({"predicate": {"runDetails": {"builder": {}}}}, "E405"),
        ({"subject": []}, "E405"),
    ],
)
def test_a_provenance_of_another_shape_is_refused(
    scene: Scene, changes: dict[str, Any], code: str
) -> None:
    result = scene.verify(subject_provenance=statement(scene, **changes))
    assert (result.exit_code, [one[1] for one in findings(result)]) == (4, [code])


def test_a_signature_is_no_provenance(scene: Scene) -> None:
    result = scene.verify(subject_provenance=oms(scene, "subject"))
    assert [one[1] for one in findings(result)] == ["E402"]


@pytest.mark.parametrize(
    ("who", "outcome"), [(GitHub(), "pass"), (GitHub(repository="mallory/models"), "fail")]
)
def test_a_bar_can_want_a_workflows_certificate(
    scene: Scene, sigstore_double: SigstoreDouble, who: GitHub, outcome: str
) -> None:
    result = scene.verify(
        policy=asking(scene, GATES[0], who="release"),
        subject_signature=keyless(scene, sigstore_double, who),
        trust_root=sigstore_double.write_root(scene.root),
    )
    assert (result.outcome, verdicts(result)[GATES[0]]) == (outcome, outcome)


def test_certificates_and_keys_are_not_taken_for_each_other(
    scene: Scene, sigstore_double: SigstoreDouble
) -> None:
    by_certificate = keyless(scene, sigstore_double, GitHub())
    root = sigstore_double.write_root(scene.root)
    result = scene.verify(
        policy=asking(scene, GATES[0]), subject_signature=by_certificate, trust_root=root
    )
    assert [one[1] for one in findings(result)] == ["E406"]
    by_key = scene.verify(
        policy=asking(scene, GATES[0], who="release"),
        subject_signature=oms(scene, "subject"),
        trust_root=root,
    )
    assert (by_key.exit_code, verdicts(by_key)[GATES[0]]) == (1, "fail")


def test_nothing_is_read_at_level_signed(scene: Scene) -> None:
    from invarlock.verify.result import Level

    with pytest.raises(UsageFault, match="level `signed`"):
        scene.verify(level=Level.SIGNED, policy=None, subject_signature=scene.root / "none")


def test_from_the_command_line(scene: Scene) -> None:
    root = scene.root
    done = run_invarlock(
        *("verify", root / "run", "--key", root / "key.pub", "--subject", root / "subject"),
        *("--policy", asking(scene, "subject.signature.by", "subject.provenance.by")),
        *("--subject-signature", oms(scene, "subject"), "--subject-provenance", statement(scene)),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"built by {BUILDER}" in done.stdout
    assert "signature   of the subject" in done.stdout
