"""Certificates: whose they are, by whose word, logged and timed; and everything that is not so."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sigstore.dsse import Envelope
from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier, policy

from invarlock.attest.bundle import parse_bundle
from invarlock.attest.trust_root import public_root, root_of_file
from invarlock.errors import VerificationFault
from invarlock.verify.keyless import verify_keyless
from tests.conftest import ROOT
from tests.sigstore_double import Faults, GitHub, SigstoreDouble
from tests.sigstore_double.tokens import ACCOUNTS, GITHUB, person
from tests.verify.certified import (
    Certified,
    Document,
    codes,
    leaves,
    make_certified,
    run_command,
)

RELEASE = GitHub()
BY_NAME = ("--identity", RELEASE.identity, "--issuer", GITHUB)
VECTORS = Path(__file__).parent / "vectors"
SHARED = "acme/models/.github/workflows/release.yml@refs/tags/v1"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, sigstore_double: SigstoreDouble) -> Certified:
    return make_certified(tmp_path_factory.mktemp("certified"), sigstore_double)


@pytest.fixture(scope="module")
def bundles(desk: Certified) -> dict[int, Path]:
    """One good bundle of each log."""
    return {rekor: desk.sign(RELEASE, rekor) for rekor in (1, 2)}


def material(document: Document) -> Any:
    return document["verificationMaterial"]


def entry(document: Document) -> Any:
    return material(document)["tlogEntries"][0]


def flip(text: str) -> str:
    """Base64 of other bytes, as long."""
    raw = bytearray(base64.b64decode(text))
    raw[-1] ^= 1
    return base64.b64encode(raw).decode()


@pytest.mark.parametrize("rekor", [1, 2])
@pytest.mark.parametrize("named", [BY_NAME, ()], ids=["by name", "by the bar"])
def test_a_workflows_signature_clears_a_bar_that_names_it(
    desk: Certified, bundles: dict[int, Path], rekor: int, named: tuple[str, ...]
) -> None:
    status, answer = desk.verify(bundles[rekor], *named)
    assert (status, codes(answer)) == (0, [])
    (signer,) = answer["signers"]
    assert signer["certificate"] == {
        "identity": RELEASE.identity,
        "issuer": GITHUB,
        "repository": "https://github.com/acme/models",
        "ref": "refs/tags/v1",
        "build": f"https://github.com/{RELEASE.started}",
    }
    assert signer["logged"]
    sources = [found["source"] for found in signer["times"]]
    assert sources == (["log", "timestamp"] if rekor == 1 else ["timestamp"])
    assert all(abs(found["seconds"] - time.time()) < 300 for found in signer["times"])
    gates = {gate["id"]: gate for gate in answer["gates"]}
    assert gates["signature.log"]["observed"] == "yes"
    assert "acme/models" in gates["signature.by"]["observed"]


def test_other_verifiers_accept_the_same_bundles(desk: Certified, bundles: dict[int, Path]) -> None:
    root = TrustedRoot.from_file(str(desk.double.write_root(desk.root)))
    expected = policy.Identity(identity=RELEASE.identity, issuer=GITHUB)
    for bundle in bundles.values():
        Verifier(trusted_root=root).verify_dsse(Bundle.from_json(bundle.read_bytes()), expected)


def test_a_trust_configuration_serves_as_well_as_its_root(
    desk: Certified, bundles: dict[int, Path]
) -> None:
    config = desk.double.write(desk.root)
    assert desk.verify(bundles[2], *BY_NAME, root=config)[0] == 0


def test_a_person_is_named_by_address_and_no_bar_has_a_word_for_one(desk: Certified) -> None:
    bundle = desk.sign(person("ada@example.com"))
    named = ("--identity", "ada@example.com", "--issuer", ACCOUNTS, "--level", "bound")
    plain = ["verify", bundle, "--subject", desk.root / "subject"]
    root = ("--trusted-root", desk.double.write_root(desk.root))
    assert codes(run_command(*plain, *root, *named)[1]) == []
    assert codes(desk.verify(bundle)[1]) == ["E420"]


OTHERS: dict[str, tuple[tuple[str, ...], str]] = {
    "identity": (("--identity", RELEASE.identity + "0", "--issuer", GITHUB), "the identity is"),
    "issuer": (("--identity", RELEASE.identity, "--issuer", ACCOUNTS), "the issuer is"),
    "repository": ((*BY_NAME, "--repository", "https://github.com/acme/other"), "the repository"),
    "ref": ((*BY_NAME, "--ref", "refs/heads/main"), "the ref is"),
    "two others": (
        ("--identity", "a", "--issuer", GITHUB, "--identity", "b", "--issuer", GITHUB),
        "none of the identities",
    ),
}


@pytest.mark.parametrize("what", OTHERS)
def test_who_is_not_named_is_refused(desk: Certified, bundles: dict[int, Path], what: str) -> None:
    named, said = OTHERS[what]
    status, answer = desk.verify(bundles[2], *named)
    assert (status, codes(answer)) == (4, ["E420"])
    assert said in answer["findings"][0]["what"]
    assert answer["signers"] == []
    good = (*BY_NAME, "--repository", "https://github.com/acme/models", "--ref", "refs/tags/v1")
    assert desk.verify(bundles[2], *good)[0] == 0
    either = ("--identity", "a", "--issuer", GITHUB, *BY_NAME)
    assert desk.verify(bundles[2], *either)[0] == 0


STRANGERS: dict[str, tuple[GitHub, str]] = {
    "another repository": (GitHub(repository="mallory/models"), "mallory/models"),
    "a foreign repository calls the workflow": (
        GitHub(repository="mallory/models", workflow=".github/workflows/x.yml", signer=SHARED),
        "mallory/models",
    ),
    "a branch": (GitHub(ref="refs/heads/main"), "refs/heads/main"),
    "a branch calls the tagged workflow": (
        GitHub(ref="refs/heads/main", signer=SHARED),
        "refs/heads/main",
    ),
    "another workflow": (GitHub(workflow=".github/workflows/ci.yml"), "workflows/ci.yml"),
    "another issuer": (GitHub(issuer="https://token.example.com"), "token.example.com"),
}


@pytest.mark.parametrize("who", STRANGERS)
def test_a_workflow_that_the_bar_does_not_name_is_refused(desk: Certified, who: str) -> None:
    claims, said = STRANGERS[who]
    bundle = desk.sign(claims)
    status, answer = desk.verify(bundle)
    assert (status, codes(answer)) == (4, ["E420"])
    assert said in answer["findings"][0]["what"]
    # Named in full it verifies, and then the bar does not allow it.
    named = ["--identity", claims.identity, "--issuer", claims.issuer]
    named += ["--repository", f"https://github.com/{claims.repository}", "--ref", claims.ref]
    status, answer = desk.verify(bundle, *named)
    assert (status, codes(answer)) == (1, [])


@pytest.mark.parametrize("rekor", [1, 2])
def test_who_calls_a_trusted_workflow_is_not_it(desk: Certified, rekor: int) -> None:
    """The certificate's name is the trusted workflow's; only extensions say who called it."""
    foreign = GitHub(repository="mallory/models", workflow="x.yml", signer=SHARED)
    assert foreign.identity == RELEASE.identity
    status, answer = desk.verify(desk.sign(foreign, rekor), *BY_NAME)
    assert (status, codes(answer)) == (4, ["E420"])
    assert (
        "called from the repository `https://github.com/mallory/models`"
        in (answer["findings"][0]["what"])
    )
    branch = GitHub(ref="refs/heads/main", signer=SHARED)
    status, answer = desk.verify(desk.sign(branch, rekor), *BY_NAME)
    assert (status, codes(answer)) == (4, ["E420"])
    assert "called for the ref `refs/heads/main`" in answer["findings"][0]["what"]
    inner = "acme/models/.github/workflows/sign.yml@refs/tags/v1"
    own = GitHub(signer=inner)
    named = ("--identity", own.identity, "--issuer", GITHUB)
    assert codes(desk.verify(desk.sign(own, rekor), *named)[1]) == []


def test_keys_and_certificates_are_not_confused(desk: Certified, bundles: dict[int, Path]) -> None:
    key = ("--key", desk.root / "key.pub")
    keyed = desk.root / "run" / "attestation.sigstore.json"
    assert codes(desk.verify(bundles[2], *key)[1]) == ["E406"]
    assert codes(desk.verify(keyed, *BY_NAME)[1]) == ["E406"]
    assert codes(desk.verify(keyed)[1]) == ["E406"]
    assert codes(desk.verify(keyed, *key)[1]) == []
    assert codes(desk.verify(bundles[2], *key, *BY_NAME)[1]) == []


def test_a_key_and_a_workflow_sign_together(desk: Certified, bundles: dict[int, Path]) -> None:
    keyed = desk.root / "run" / "attestation.sigstore.json"
    both = ("--key", desk.root / "key.pub", *BY_NAME, "--cosigned", keyed)
    status, answer = desk.verify(bundles[1], *both)
    assert (status, codes(answer)) == (0, [])
    assert [one["type"] for one in answer["signers"]] == ["certificate", "p256"]


def _payload(document: Document) -> None:
    envelope = document["dsseEnvelope"]
    payload = base64.b64decode(envelope["payload"]).replace(b'"fail"', b'"pass"')
    envelope["payload"] = base64.b64encode(payload + b" ").decode()


_STAMPS = "verificationMaterial.timestampVerificationData"
SILENT: dict[int, set[str]] = {
    1: {
        "inclusionPromise",
        "integratedTime",
        _STAMPS,
        f"{_STAMPS}.rfc3161Timestamps",
        f"{_STAMPS}.rfc3161Timestamps.0",
    },
    2: {"integratedTime", "logIndex"},
}
"""What can be gone or otherwise: one of two proofs of time, and what no proof covers or needs."""
CHANGES: dict[str, tuple[Callable[[Document], object], dict[int, str]]] = {
    "payload": (_payload, {1: "E401", 2: "E401"}),
    "payload type": (
        lambda d: d["dsseEnvelope"].update(payloadType="text/plain"),
        {1: "E401", 2: "E401"},
    ),
    "proof's root": (
        lambda d: entry(d)["inclusionProof"].update(
            rootHash=flip(entry(d)["inclusionProof"]["rootHash"])
        ),
        {1: "E423", 2: "E423"},
    ),
    "a sibling": (
        lambda d: entry(d)["inclusionProof"]["hashes"].reverse(),
        {1: "E423", 2: "E423"},
    ),
    "tree's size": (
        lambda d: entry(d)["inclusionProof"].update(
            treeSize=str(int(entry(d)["inclusionProof"]["treeSize"]) + 1)
        ),
        {1: "E423", 2: "E423"},
    ),
    "place in the log": (
        lambda d: entry(d)["inclusionProof"].update(logIndex="3"),
        {1: "E423", 2: "E423"},
    ),
    "no timestamp": (
        lambda d: material(d).pop("timestampVerificationData"),
        {2: "E422"},
    ),
    "no promise": (
        lambda d: [entry(d).pop("inclusionPromise"), material(d).pop("timestampVerificationData")],
        {1: "E422"},
    ),
    "log's time, in the certificate's": (
        lambda d: entry(d).update(integratedTime=str(int(entry(d)["integratedTime"]) + 1)),
        {1: "E423"},
    ),
    "log's time, later": (
        lambda d: entry(d).update(integratedTime=str(int(entry(d)["integratedTime"]) + 3600)),
        {1: "E422"},
    ),
    "no entry": (lambda d: material(d)["tlogEntries"].clear(), {1: "E405", 2: "E405"}),
    "no proof": (lambda d: entry(d).pop("inclusionProof"), {1: "E405", 2: "E405"}),
    "no certificate": (lambda d: material(d).pop("certificate"), {1: "E405", 2: "E405"}),
    "garbage for a certificate": (
        lambda d: material(d)["certificate"].update(rawBytes="AAAA"),
        {1: "E405", 2: "E405"},
    ),
}


@pytest.mark.parametrize(
    ("what", "rekor"),
    [(what, rekor) for what, (_, expected) in CHANGES.items() for rekor in expected],
)
def test_a_changed_bundle_is_refused(
    desk: Certified, bundles: dict[int, Path], rekor: int, what: str
) -> None:
    change, expected = CHANGES[what]
    changed = desk.changed(bundles[rekor], change)
    status, answer = desk.verify(changed, *BY_NAME)
    assert (status, codes(answer)) == (4, [expected[rekor]]), answer
    assert desk.verify(desk.changed(bundles[rekor], lambda _: None), *BY_NAME)[0] == 0


@pytest.mark.parametrize("rekor", [1, 2])
def test_no_value_of_a_bundle_changes_what_is_found(
    desk: Certified, bundles: dict[int, Path], rekor: int
) -> None:
    """It is refused, or one of the few that nothing follows from; and no time is ever added."""
    root = root_of_file(desk.double.write_root(desk.root))
    data = bundles[rekor].read_bytes()
    signed = parse_bundle(data)
    honest = (signed.payload, verify_keyless(signed, root))
    silent, tried = set(), 0
    for place, variants in leaves(json.loads(data)):
        for changed in variants:
            tried += 1
            try:
                other = parse_bundle(json.dumps(changed).encode())
                found = (other.payload, verify_keyless(other, root))
            except VerificationFault:
                continue
            assert found[0] == honest[0]
            assert found[1].identity == honest[1].identity
            assert set(found[1].times) <= set(honest[1].times)
            silent.add(place.rpartition("tlogEntries.0.")[2])
    assert tried > 100
    assert silent == SILENT[rekor]


@pytest.mark.parametrize(
    ("part", "code", "says"),
    [
        ("inclusionProof", "E423", "inclusion proof contains invalid root hash"),
        ("whole entry", "E423", "transparency log entry is inconsistent with other materials"),
        ("timestamp", "E422", "not enough sources of verified time"),
    ],
)
def test_what_belongs_to_another_signature_is_refused(
    desk: Certified, bundles: dict[int, Path], part: str, code: str, says: str
) -> None:
    other = json.loads(desk.sign(RELEASE).read_bytes())

    def swap(document: Document) -> None:
        match part:
            case "inclusionProof":
                entry(document)[part] = entry(other)[part]
            case "whole entry":
                material(document)["tlogEntries"] = material(other)["tlogEntries"]
            case _:
                name = "timestampVerificationData"
                material(document)[name] = material(other)[name]

    assert desk.verify(desk.changed(bundles[2], lambda _: None), *BY_NAME)[0] == 0
    status, answer = desk.verify(desk.changed(bundles[2], swap), *BY_NAME)
    assert (status, codes(answer)) == (4, [code])
    assert says in answer["findings"][0]["what"]


def test_a_signed_payload_of_another_type_is_no_attestation(
    desk: Certified, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Envelope, "_TYPE", "text/plain")
    monkeypatch.setattr("invarlock.attest.keyless.PAYLOAD_TYPE", "text/plain")
    bundle = desk.sign(RELEASE)
    assert codes(desk.verify(bundle, *BY_NAME)[1]) == ["E402"]


@pytest.mark.parametrize("rekor", [1, 2])
def test_a_certificate_that_has_expired_since_is_good_by_its_time(
    desk: Certified, rekor: int
) -> None:
    faults = desk.double.faults
    faults.lifetime = timedelta(seconds=1.5)
    bundle = desk.sign(RELEASE, rekor)
    faults.lifetime = Faults().lifetime
    time.sleep(2)
    assert desk.verify(bundle, *BY_NAME)[0] == 0

    def forget(document: Document) -> None:
        material(document).pop("timestampVerificationData")
        entry(document).pop("inclusionPromise", None)

    assert codes(desk.verify(desk.changed(bundle, forget), *BY_NAME)[1]) == ["E422"]


def test_a_time_outside_the_certificates_is_no_good(desk: Certified) -> None:
    for rekor, clock in ((1, "log_clock"), (2, "tsa_clock")):
        bundle = desk.sign(RELEASE, rekor, stamped=rekor == 2)
        assert desk.verify(bundle, *BY_NAME)[0] == 0
        late = _late(desk, rekor, clock)
        assert codes(desk.verify(late, *BY_NAME)[1]) == ["E422"]


def _late(desk: Certified, rekor: int, clock: str) -> Path:
    """A bundle whose only time is an hour late; the signer's own check is told to pass it."""
    faults = desk.double.faults
    setattr(faults, clock, timedelta(hours=1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("invarlock.attest.keyless._check", lambda *_: None)
        bundle = desk.sign(RELEASE, rekor, stamped=rekor == 2)
    setattr(faults, clock, timedelta(0))
    return bundle


def test_another_sigstores_root_does_not_vouch(
    desk: Certified, bundles: dict[int, Path], tmp_path: Path
) -> None:
    other = SigstoreDouble()
    with other:
        root = other.write_root(tmp_path)
    assert codes(desk.verify(bundles[2], *BY_NAME, root=root)[1]) == ["E422"]
    assert codes(desk.verify(bundles[1], *BY_NAME, root=root)[1]) == ["E421"]
    # By the public root, which is the default, it is nobody's either.
    words = ["verify", bundles[1], "--subject", desk.root / "subject", "--policy", desk.policy]
    status, answer = run_command(*words, *BY_NAME)
    assert (status, codes(answer)) == (4, ["E421"])


@pytest.mark.parametrize("part", ["certificateAuthorities", "tlogs", "ctlogs"])
def test_an_authority_given_up_before_the_signature_does_not_count(
    desk: Certified, bundles: dict[int, Path], tmp_path: Path, part: str
) -> None:
    """The client library takes them, whatever they signed after their time."""

    def ending(offset: timedelta) -> Path:
        end = (datetime.now(UTC) + offset).strftime("%Y-%m-%dT%H:%M:%SZ")
        document = desk.double.trusted_root
        for item in document[part]:
            item.get("publicKey", item)["validFor"]["end"] = end
        path = tmp_path / "root.json"
        path.write_text(json.dumps(document))
        return path

    status, answer = desk.verify(bundles[1], *BY_NAME, root=ending(timedelta(hours=-1)))
    assert (status, codes(answer)) == (4, ["E421"])
    assert "not in use when the bundle was signed" in answer["findings"][0]["what"]
    assert desk.verify(bundles[1], *BY_NAME, root=ending(timedelta(hours=1)))[0] == 0


def test_a_root_in_which_nothing_is_in_use_is_a_warning(
    desk: Certified, bundles: dict[int, Path], tmp_path: Path
) -> None:
    document = desk.double.trusted_root
    for item in document["ctlogs"]:
        item["publicKey"]["validFor"]["end"] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    path = tmp_path / "root.json"
    path.write_text(json.dumps(document))
    time.sleep(1)
    status, answer = desk.verify(bundles[1], *BY_NAME, root=path)
    assert status == 0
    assert [(one["kind"], one["code"]) for one in answer["findings"]] == [("warning", "E424")]
    assert desk.verify(bundles[1], *BY_NAME)[1]["findings"] == []


def test_a_copy_in_a_package_is_stale_once_it_was_to_be_renewed() -> None:
    root = public_root()
    assert root.renew_by is not None
    assert root.stale(root.renew_by - timedelta(days=1)) is None
    assert root.renew_by.date().isoformat() in (root.stale(root.renew_by + timedelta(days=1)) or "")


def test_bundles_of_the_real_sigstore_verify() -> None:
    """Under the public root that is inside the package, and under staging's with Rekor v2."""
    beacon = "extremely-dangerous-public-oidc-beacon"
    for name, root in (
        ("public-rekor1", public_root()),
        ("staging-rekor2", root_of_file(VECTORS / "staging-root.json")),
    ):
        signed = parse_bundle((VECTORS / f"{name}.sigstore.json").read_bytes())
        found = verify_keyless(signed, root)
        assert found.identity.workflow is not None
        assert found.identity.workflow.repository.endswith(beacon)
        assert found.identity.workflow.workflow.startswith(f"sigstore-conformance/{beacon}/.github")
        assert len(found.times) == 1
    with pytest.raises(VerificationFault) as refused:
        verify_keyless(signed, public_root())
    assert refused.value.code == "E422"


def test_what_does_not_go_together_is_usage(desk: Certified, bundles: dict[int, Path]) -> None:
    for words in (
        ("--identity", RELEASE.identity),
        ("--issuer", GITHUB),
        ("--repository", "https://github.com/acme/models"),
        (*BY_NAME, "--trust-config", desk.double.write(desk.root)),
    ):
        status, answer = desk.verify(bundles[2], *words)
        assert (status, answer["code"]) == (2, "E701")
    bad = desk.root / "key.pub"
    assert desk.verify(bundles[2], *BY_NAME, root=bad)[0] == 2
    assert desk.verify(bundles[2], *BY_NAME, root=desk.root / "none.json")[0] == 6


def test_without_network_and_home(desk: Certified, bundles: dict[int, Path]) -> None:
    assert shutil.which("unshare"), "util-linux is part of the test machine"
    root = desk.double.write_root(desk.root)
    words = ["verify", bundles[2], *BY_NAME, "--trusted-root", root, "--level", "signed"]
    public = ["verify", bundles[2], *BY_NAME, "--level", "signed"]
    for home, command, status, level in (
        ("/proc", words, 3, "reached"),
        ("/nonexistent", public, 4, "failed"),
    ):
        done = subprocess.run(
            ["unshare", "-rn", sys.executable, "-m", "invarlock", *map(str, command)],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            cwd=ROOT,
            env={"HOME": home, "PATH": os.environ["PATH"]},
        )
        assert (done.returncode, done.stderr) == (status, ""), done.stdout
        assert f"signed      {level}" in done.stdout


WITHOUT = """\
import sys
sys.modules.update(dict.fromkeys(("sigstore", "rfc3161_client", "requests")))
from invarlock.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_missing_extra_is_named_and_a_key_needs_none(
    desk: Certified, bundles: dict[int, Path]
) -> None:
    keyed, key = desk.root / "run" / "attestation.sigstore.json", desk.root / "key"
    signed = ("--level", "signed", "--format", "json")
    free = desk.root / "run" / "free.json"
    for words, status in (
        (("verify", bundles[2], *BY_NAME, *signed), 6),
        (("attest", desk.root / "run", "--sigstore", "--out", free, "--format", "json"), 6),
        (("verify", keyed, "--key", f"{key}.pub", *signed), 3),
    ):
        done = subprocess.run(
            [sys.executable, "-c", WITHOUT, *map(str, words)],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            cwd=ROOT,
        )
        answer = json.loads(done.stdout)
        assert done.returncode == status, answer
        assert status == 3 or (answer["code"], "sigstore" in answer["hint"]) == ("E605", True)
