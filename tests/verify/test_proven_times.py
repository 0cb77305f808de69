"""Times that a log or a timestamp authority gave: how old a signature is, and which came first."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from invarlock.evidence.schema import Beacon
from invarlock.policy import compile_policy
from tests.sigstore_double import GitHub, SigstoreDouble
from tests.sigstore_double.tokens import GITHUB, token
from tests.verify.certified import Answer, Certified, codes, make_certified, run_command
from tests.verify.runs import ASKING, BAR, case, documents, report_of, signed

RELEASE = GitHub()
BY_NAME = ("--identity", RELEASE.identity, "--issuer", GITHUB)
ROUND = "sha256:" + "8" * 64


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, sigstore_double: SigstoreDouble) -> Certified:
    return make_certified(tmp_path_factory.mktemp("times"), sigstore_double)


@pytest.mark.parametrize("rekor", [1, 2])
def test_a_keyless_bundle_proves_log_and_time(desk: Certified, rekor: int) -> None:
    bundle = desk.sign(RELEASE, rekor)
    words = ("--require", "log,timestamp", "--max-age", "1h")
    status, answer = desk.verify(bundle, *BY_NAME, *words)
    assert (status, codes(answer)) == (0, [])


def test_a_logs_time_is_no_timestamp(desk: Certified) -> None:
    bundle = desk.sign(RELEASE, 1, stamped=False)
    assert desk.verify(bundle, *BY_NAME, "--require", "log", "--max-age", "1h")[0] == 0
    status, answer = desk.verify(bundle, *BY_NAME, "--require", "timestamp")
    assert (status, codes(answer)) == (3, ["E414"])


def test_an_old_signature_is_refused(desk: Certified) -> None:
    bundle = desk.sign(RELEASE, 2)
    time.sleep(2.1)
    status, answer = desk.verify(bundle, *BY_NAME, "--max-age", "1s")
    assert (status, codes(answer)) == (4, ["E413"])
    assert answer["outcome"] == "refused"


@pytest.fixture(scope="module")
def registered(desk: Certified) -> Path:
    """The bar, registered by the workflow; and a run whose seed takes in a round of randomness."""
    (desk.root / "asking.invar").write_bytes(ASKING)
    policy = compile_policy(ASKING, filename="source.invar")
    seeded = case(policy=policy)
    files = documents(replace(seeded, beacon=Beacon(value=ROUND, source="round")), policy)
    report = report_of(files).encode()
    desk.scene.publish(files, report, signed(report))
    out = desk.root / "registration.json"
    config = desk.double.write(desk.root, 2)
    words = ["--sigstore", "--trust-config", config, "--identity-token", token(RELEASE.claims())]
    name = f"{desk.root / 'asking.invar'}#{'+'.join(BAR)}"
    status, answer = run_command("policy", "attest", name, *words, "--out", out)
    assert (status, answer["keyless"]["identity"]) == (0, RELEASE.identity)
    return out


def ordered(desk: Certified, registration: Path, moment: float) -> tuple[int, Answer]:
    said = datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    words = ["verify", desk.scene.request.bundle, "--key", desk.root / "key.pub", *BY_NAME]
    words += ["--trusted-root", desk.double.write_root(desk.root)]
    words += ["--subject", desk.root / "subject"]
    words += ["--policy", f"{desk.root / 'asking.invar'}#{'+'.join(BAR)}"]
    words += ["--registration", registration, "--require", "preregistered"]
    return run_command(*words, "--beacon", ROUND, "--beacon-time", said)


def test_a_bar_logged_before_the_beacon_was_there_first(desk: Certified, registered: Path) -> None:
    status, answer = ordered(desk, registered, time.time() + 60)
    assert (status, codes(answer)) == (0, [])
    assert answer["registration"]["before"] == "time"
    # The run was signed before the bar was registered, and that says nothing: what counts is when
    # its windows were known.


def test_a_bar_logged_after_it_may_have_been_made_for_the_run(
    desk: Certified, registered: Path
) -> None:
    status, answer = ordered(desk, registered, time.time() - 3600)
    assert (status, codes(answer)) == (3, ["E414"])
    assert answer["registration"]["before"] is None


def test_a_keys_registration_is_ordered_by_its_timestamp(desk: Certified, registered: Path) -> None:
    name = f"{desk.root / 'asking.invar'}#{'+'.join(BAR)}"
    key = ("--key", desk.root / "key", "--timestamp-authority", f"{desk.double.url}/tsa")
    status, answer = run_command("policy", "attest", name, *key, "--out", desk.root / "keyed.json")
    assert (status, answer["keyless"]) == (0, None)
    status, answer = ordered(desk, desk.root / "keyed.json", time.time() + 60)
    assert (status, answer["registration"]["before"]) == (0, "time")
    assert ordered(desk, desk.root / "keyed.json", time.time() - 3600)[0] == 3
    # Its age is not proven by it: who has the bundle can have the signature stamped again.
    root = ("--trusted-root", desk.double.write_root(desk.root))
    out = desk.root / "run" / "keyed.json"
    assert run_command("attest", desk.root / "run", *key, "--out", out)[0] == 0
    words = ("--key", desk.root / "key.pub", *root, "--level", "signed", "--max-age", "1h")
    status, answer = run_command("verify", out, *words)
    assert (status, codes(answer)) == (3, ["E414"])
