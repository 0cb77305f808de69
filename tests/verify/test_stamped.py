"""A key's signature with a timestamp: a time that is proven, by an authority of the consumer's."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from tests.sigstore_double import SigstoreDouble
from tests.verify.certified import Answer, Certified, Document, codes, make_certified, run_command


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, sigstore_double: SigstoreDouble) -> Certified:
    return make_certified(tmp_path_factory.mktemp("stamped"), sigstore_double)


def sign(desk: Certified, name: str, url: str) -> tuple[int, Answer]:
    run, key = desk.root / "run", desk.root / "key"
    where = ("--timestamp-authority", url, "--out", desk.root / "run" / name)
    return run_command("attest", run, "--key", key, *where)


@pytest.fixture(scope="module")
def stamped(desk: Certified) -> Path:
    status, answer = sign(desk, "stamped.json", f"{desk.double.url}/tsa")
    assert status == 0, answer
    return desk.root / "run" / "stamped.json"


def verify(desk: Certified, bundle: Path, *words: object) -> tuple[int, Answer]:
    policy = f"{desk.root / 'bar.invar'}#balanced+dev"
    named = ("--key", desk.root / "key.pub", "--policy", policy, "--subject", desk.root / "subject")
    return run_command("verify", bundle, *named, *words)


def sources(answer: Answer) -> list[str]:
    (signer,) = answer["signers"]
    return [time["source"] for time in signer["times"]]


def test_the_time_is_proven_under_the_consumers_root_alone(desk: Certified, stamped: Path) -> None:
    root = ("--trusted-root", desk.double.write_root(desk.root))
    asked = ("--require", "timestamp")
    status, answer = verify(desk, stamped, *root, *asked)
    assert (status, sources(answer)) == (0, ["timestamp"])
    status, answer = verify(desk, stamped)
    assert (status, sources(answer)) == (0, [])
    status, answer = verify(desk, stamped, *asked)
    assert (status, codes(answer)) == (3, ["E414"])
    plain = desk.root / "run" / "attestation.sigstore.json"
    status, answer = verify(desk, plain, *root, *asked)
    assert (status, codes(answer)) == (3, ["E414"])


def test_a_root_of_timestamp_authorities_alone_is_enough(
    desk: Certified, stamped: Path, tmp_path: Path
) -> None:
    document = desk.double.trusted_root
    for name in ("tlogs", "ctlogs", "certificateAuthorities"):
        del document[name]
    path = tmp_path / "tsa.json"
    path.write_text(json.dumps(document))
    status, answer = verify(desk, stamped, "--trusted-root", path, "--require", "timestamp")
    assert (status, codes(answer)) == (0, [])
    assert answer["findings"] == []


def test_another_authoritys_time_and_another_signatures_count_for_nothing(
    desk: Certified, stamped: Path, tmp_path: Path
) -> None:
    asked = ("--require", "timestamp")
    with SigstoreDouble() as other:
        root = other.write_root(tmp_path)
    assert codes(verify(desk, stamped, "--trusted-root", root, *asked)[1]) == ["E414"]
    root = desk.double.write_root(desk.root)
    assert sign(desk, "second.json", f"{desk.double.url}/tsa")[0] == 0
    second = json.loads((desk.root / "run" / "second.json").read_bytes())

    def swap(document: Document) -> None:
        material = "verificationMaterial"
        document[material]["timestampVerificationData"] = second[material][
            "timestampVerificationData"
        ]

    changed = desk.changed(stamped, swap)
    assert codes(verify(desk, changed, "--trusted-root", root, *asked)[1]) == ["E414"]
    assert codes(verify(desk, stamped, "--trusted-root", root, *asked)[1]) == []


@pytest.mark.parametrize("stamp", ["AAAA", "not base64", base64.b64encode(b"0" * 40).decode()])
def test_what_is_no_timestamp_is_refused(desk: Certified, stamped: Path, stamp: str) -> None:
    def spoil(document: Document) -> None:
        stamps = document["verificationMaterial"]["timestampVerificationData"]
        stamps["rfc3161Timestamps"][0]["signedTimestamp"] = stamp

    root = ("--trusted-root", desk.double.write_root(desk.root))
    status, answer = verify(desk, desk.changed(stamped, spoil), *root)
    assert (status, codes(answer)) == (4, ["E405"])


def test_an_authority_that_gives_no_time_leaves_no_bundle(desk: Certified) -> None:
    path = desk.root / "run" / "none.json"
    for url, status, code in (
        (f"{desk.double.url}/nothing", 6, "E620"),
        (f"{desk.double.url}/oidc/token", 6, "E620"),
        ("http://127.0.0.1:9/tsa", 6, "E620"),
        ("ftp://127.0.0.1/tsa", 2, "E701"),
    ):
        found, answer = sign(desk, path.name, url)
        assert (found, answer["code"]) == (status, code)
        assert not path.exists()
