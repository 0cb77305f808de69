"""A bar registered before the run: causally, by time, or not shown at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from invarlock.attest.attest_policy import RegisteredBar, attest_policy
from invarlock.attest.bundle import parse_bundle, sign_bundle
from invarlock.attest.keys import load_private, new_key
from invarlock.attest.signers import KeySigning
from invarlock.canonical import canonical_bytes
from invarlock.cli import main
from invarlock.cli.arguments import parse_beacon, parse_instant
from invarlock.errors import UsageFault
from invarlock.evidence.schema import Beacon
from invarlock.policy import compile_policy
from invarlock.verify.registered import precedes
from invarlock.verify.result import Level, VerificationResult
from tests.verify.runs import (
    ASKING,
    BAR,
    Scene,
    case,
    documents,
    fixed_key,
    make_scene,
    report_of,
    signed,
)

REQUIRED = frozenset({"preregistered"})
OTHER = "sha256:" + "8" * 64


def registered(root: Path, key: str = "key", policy: str = "bar.invar") -> RegisteredBar:
    reference = f"{root / policy}#{'+'.join(BAR)}"
    out = root / f"{key}.reg.json"
    out.unlink(missing_ok=True)
    return attest_policy(reference, KeySigning(f"file:{root / key}"), out)


def run_with(scene: Scene, beacon: str) -> None:
    """A run whose schedule's seed takes in ``beacon``."""
    policy = compile_policy(ASKING, filename="source.invar")
    seeded = replace(case(policy=policy), beacon=Beacon(value=beacon, source="said"))
    files = documents(seeded, policy)
    report = report_of(files).encode()
    scene.publish(files, report, signed(report))


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """First the registration, then the run that takes it in."""
    root = tmp_path_factory.mktemp("registration")
    scene = make_scene(root)
    (root / "bar.invar").write_bytes(ASKING)
    run_with(scene, parse_beacon(registered(root).bundle))
    return scene


def verified(
    scene: Scene, registration: str | None = "key.reg.json", **more: Any
) -> VerificationResult:
    path = None if registration is None else scene.root / registration
    return scene.verify(**{"registration": path, "require": REQUIRED, **more})


def codes(result: VerificationResult) -> set[str]:
    return {finding.code for finding in result.findings}


def test_a_run_that_takes_the_registration_in_came_after_it(scene: Scene) -> None:
    result = verified(scene)
    assert (result.exit_code, codes(result)) == (0, set())
    assert result.registration is not None
    assert (result.registration.before, result.registration.bar) == ("beacon", result.producer_bar)


def test_without_it_nothing_is_shown(scene: Scene) -> None:
    result = verified(scene, None, beacon=parse_beacon(str(scene.root / "key.reg.json")))
    assert (result.exit_code, codes(result)) == (3, {"E414"})


def test_the_same_bar_registered_again_is_another_bundle(scene: Scene) -> None:
    """What was made after the run is not its beacon, though the bar is the very one."""
    root = scene.root
    late = registered(root)
    assert parse_beacon(late.bundle) == late.beacon
    first = parse_bundle(scene.request.bundle.read_bytes())
    seeded = json.loads(first.payload)["predicate"]["seeds"]["beacon"]["value"]
    assert seeded != late.beacon
    result = verified(scene, beacon=seeded)
    assert (result.exit_code, codes(result)) == (3, {"E414"})
    assert result.registration is not None
    assert result.registration.before is None
    # It is not refused where nobody asks which came first.
    assert verified(scene, beacon=seeded, require=frozenset()).exit_code == 0


@pytest.fixture
def fresh(tmp_path: Path) -> Scene:
    scene = make_scene(tmp_path)
    (tmp_path / "bar.invar").write_bytes(ASKING)
    run_with(scene, parse_beacon(registered(tmp_path).bundle))
    return scene


def test_another_bar_is_refused(fresh: Scene) -> None:
    weaker = ASKING.replace(b"ratio            <= 1.10", b"ratio            <= 1.20")
    (fresh.root / "weaker.invar").write_bytes(weaker)
    registered(fresh.root, policy="weaker.invar")
    result = verified(fresh, beacon=OTHER)
    assert (result.exit_code, {"E416"} <= codes(result)) == (4, True)


def test_a_stranger_registers_nothing(fresh: Scene) -> None:
    new_key(fresh.root / "stranger")
    done = registered(fresh.root, key="stranger")
    run_with(fresh, done.beacon)
    result = verified(fresh, "stranger.reg.json", beacon=done.beacon)
    assert (result.exit_code, "E401" in codes(result)) == (4, True)
    keys = (*fresh.request.keys, fresh.root / "stranger.pub")
    assert verified(fresh, "stranger.reg.json", keys=keys).exit_code == 0


def test_the_runs_own_bundle_is_no_registration(fresh: Scene) -> None:
    result = verified(fresh, "run/attestation.sigstore.json")
    assert (result.exit_code, "E402" in codes(result)) == (4, True)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda one: one["subject"][0]["digest"].update(sha256="0" * 64), "E404"),
        (lambda one: one["predicate"]["policy"].update(bar_digest=OTHER), "E404"),
        (lambda one: one["predicate"]["resolved_policy"]["gates"].clear(), "E405"),
        (lambda one: one["predicate"].update(created="2020-01-01T00:00:00Z"), "E405"),
        (lambda one: one.update(predicateType="https://example.com/policy"), "E402"),
    ],
)
def test_a_registration_that_contradicts_itself_is_refused(
    fresh: Scene, change: Callable[[Any], None], code: str
) -> None:
    path = fresh.root / "key.reg.json"
    statement = json.loads(parse_bundle(path.read_bytes()).payload)
    change(statement)
    path.write_bytes(sign_bundle(canonical_bytes(statement), load_private(fresh.root / "key")))
    run_with(fresh, parse_beacon(str(path)))
    result = verified(fresh, beacon=parse_beacon(str(path)))
    assert (result.exit_code, codes(result) - {"E414"}) == (4, {code})


def test_the_statements_word_for_the_beacon_is_not_enough(fresh: Scene) -> None:
    """A trusted signer who names the registration in report and statement alone."""
    beacon = parse_beacon(str(fresh.root / "key.reg.json"))
    run_with(fresh, OTHER)
    path = fresh.request.bundle
    statement = json.loads(parse_bundle(path.read_bytes()).payload)
    statement["predicate"]["seeds"]["beacon"]["value"] = beacon
    path.write_bytes(sign_bundle(canonical_bytes(statement), load_private(fresh.root / "key")))
    result = verified(fresh)
    assert (result.exit_code, "E404" in codes(result)) == (4, True)
    # Without the evidence it is all there is, and no proof.
    (fresh.root / "run" / "evidence" / "windows.u32").unlink()
    result = verified(fresh, accept_strictness=True)
    assert (result.exit_code, "E414" in codes(result)) == (3, True)


def test_times_order_only_with_the_beacons_own() -> None:
    assert precedes((100,), 101)
    assert precedes((500, 100), 101)
    assert not precedes((101,), 101)
    assert not precedes((), 101)


def test_a_key_bundle_has_no_time_to_order_by(fresh: Scene) -> None:
    run_with(fresh, OTHER)
    result = verified(fresh, beacon=OTHER, beacon_time=parse_instant("2030-01-01T00:00:00Z"))
    assert (result.exit_code, codes(result)) == (3, {"E414"})


@pytest.mark.parametrize(
    "more",
    [
        {"level": Level.SIGNED, "policy": None, "require": frozenset()},
        {"level": Level.BOUND, "policy": None},
        {"beacon_time": 1},
    ],
)
def test_what_cannot_be_asked(scene: Scene, more: dict[str, Any]) -> None:
    with pytest.raises(UsageFault):
        verified(scene, **more)


def test_from_policy_to_verdict_as_typed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = make_scene(tmp_path)
    (tmp_path / "bar.invar").write_bytes(ASKING)
    name = f"{tmp_path / 'bar.invar'}#{'+'.join(BAR)}"
    assert main(["policy", "attest", name, "--dry-run"]) == 0
    statement = json.loads(capsys.readouterr().out)
    assert statement["predicateType"] == "https://invarlock.dev/policy/v1"
    assert main(["policy", "attest", name]) == 2
    assert main(["policy", "attest", name, "--key", str(tmp_path / "key"), "--format", "json"]) == 0
    captured = capsys.readouterr()
    done = json.loads(captured.out)
    assert done["bundle"].endswith("/bar.balanced+dev.registration.sigstore.json")
    run_with(scene, done["beacon"])
    ask = scene.request
    words = ["verify", str(ask.bundle), "--key", str(ask.keys[0]), "--subject", str(ask.subject)]
    words += ["--policy", name, "--registration", done["bundle"], "--require", "preregistered"]
    assert main(words) == 0
    assert "registered  before the run: it is the beacon" in capsys.readouterr().out
    summary = ["--summary", str(tmp_path / "vsa.json"), "--summary-key", str(tmp_path / "key")]
    assert main([*words, *summary]) == 0
    vsa = json.loads(parse_bundle((tmp_path / "vsa.json").read_bytes()).payload)["predicate"]
    used = [one["digest"]["sha256"] for one in vsa["inputAttestations"]]
    assert f"sha256:{used[1]}" == done["beacon"]
    capsys.readouterr()
    fixed_key(tmp_path / "k2")
    (tmp_path / "plain.invar").write_bytes(ASKING.replace(b"; beacon = required", b""))
    plain = f"{tmp_path / 'plain.invar'}#{'+'.join(BAR)}"
    assert main(["policy", "attest", plain, "--key", str(tmp_path / "k2")]) == 0
    assert "asks for no beacon" in capsys.readouterr().out
