"""What a consumer requires beside a bar: proven times, log entries, bills of materials."""

from __future__ import annotations

from pathlib import Path

import pytest

from invarlock.bom.document import MLBOM_FILE, SBOM_FILE
from invarlock.cli import main
from invarlock.cli.arguments import parse_age, parse_required
from invarlock.errors import UsageFault
from invarlock.verify.required import check_age, check_logged, check_timestamped
from invarlock.verify.result import Finding, Level, SignedTime, Signer, VerificationResult
from tests.verify.runs import Scene, case, documents, make_scene, report_of, signed

NOW = 1_800_000_000
DAY = 86_400


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    scene = make_scene(tmp_path_factory.mktemp("required"))
    files = documents(case())
    report = report_of(files).encode()
    scene.publish(files, report, signed(report))
    return scene


def signer(kind: str, *times: tuple[str, int], logged: bool = False) -> Signer:
    made = [SignedTime.model_validate({"source": source, "seconds": at}) for source, at in times]
    return Signer.model_construct(
        bundle="b", bundle_digest="", type=kind, key="k", logged=logged, times=tuple(made)
    )


def told(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(one.kind, one.code) for one in findings]


def codes(result: VerificationResult) -> set[str]:
    return {finding.code for finding in result.findings}


def aged(*signers: Signer) -> list[tuple[str, str]]:
    return told([*check_age(signers, 90 * DAY, NOW)])


def test_a_proven_time_within_the_age_is_enough() -> None:
    assert aged(signer("keyless", ("log", NOW - 90 * DAY))) == []
    assert aged(signer("p256"), signer("keyless", ("timestamp", NOW))) == []


def test_an_older_one_is_refused() -> None:
    assert aged(signer("keyless", ("log", NOW - 90 * DAY - 1))) == [("refused", "E413")]
    # The oldest proven time counts: a fresh signature beside it makes nothing younger.
    old, fresh = ("timestamp", NOW - 91 * DAY), ("log", NOW)
    assert aged(signer("keyless", old, fresh)) == [("refused", "E413")]
    assert aged(signer("keyless", fresh), signer("keyless", old)) == [("refused", "E413")]


@pytest.mark.parametrize("kind", ["p256", "ed25519"])
def test_a_keys_signature_has_no_age(kind: str) -> None:
    assert aged(signer(kind)) == [("lacking", "E414")]
    assert aged(signer(kind, ("timestamp", NOW))) == [("lacking", "E414")]


def test_a_time_ahead_of_the_clock_proves_nothing() -> None:
    assert aged(signer("keyless", ("log", NOW + 3600))) == [("lacking", "E414")]
    assert aged(signer("keyless", ("log", NOW + 60))) == []


def test_every_signature_needs_what_is_required() -> None:
    entry = signer("keyless", ("timestamp", NOW), logged=True)
    assert told([*check_logged([entry]), *check_timestamped([entry])]) == []
    assert told([*check_logged([entry, signer("p256")])]) == [("lacking", "E414")]
    assert told([*check_timestamped([signer("keyless", ("log", NOW))])]) == [("lacking", "E414")]


@pytest.mark.parametrize("what", ["log", "timestamp"])
def test_a_key_bundle_proves_none_of_it(scene: Scene, what: str) -> None:
    assert scene.verify().exit_code == 0
    result = scene.verify(require=frozenset({what}))
    assert (result.exit_code, result.outcome, codes(result)) == (3, "lacking", {"E414"})
    assert result.verdict is None


@pytest.mark.parametrize("level", [Level.BOUND, Level.JUDGED])
def test_both_bills_must_be_listed(scene: Scene, tmp_path: Path, level: Level) -> None:
    asked = {"require": frozenset({"bom"}), "level": level}
    asked |= {"policy": None} if level is Level.BOUND else {}
    assert codes(scene.verify(**asked)) == set()
    bare = make_scene(tmp_path)
    for missing in ({MLBOM_FILE}, {MLBOM_FILE, SBOM_FILE}):
        files = {name: data for name, data in documents(case()).items() if name not in missing}
        report = report_of(files).encode()
        bare.publish(files, report, signed(report))
        result = bare.verify(**asked)
        assert (result.exit_code, codes(result)) == (3, {"E414"})


def test_no_proven_time_is_lacking_and_not_too_old(scene: Scene) -> None:
    result = scene.verify(max_age=DAY, now=NOW)
    assert (result.exit_code, codes(result)) == (3, {"E414"})


def test_the_command_reads_ages_and_words(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    ask = scene.request
    words = ["verify", str(ask.bundle), "--key", str(ask.keys[0]), "--subject", str(ask.subject)]
    assert main([*words, "--max-age", "90d", "--require", "log,timestamp"]) == 3
    assert capsys.readouterr().out.count("[INVARLOCK:E414]") == 3
    assert main([*words, "--max-age", "soon"]) == 2
    assert main([*words, "--require", "log,luck"]) == 2
    assert main([*words, "--require", "bom", "--level", "signed"]) == 2
    assert main([*words, "--require", "reference"]) == 2


def test_ages_and_words() -> None:
    assert [parse_age(text) for text in ("90d", "12h", "30m", "45s")] == [7776000, 43200, 1800, 45]
    assert parse_required(["log, bom", "log"]) == {"log", "bom"}
    assert parse_required([]) == frozenset()
    for text in ("", "d", "1.5h", "-1d", "1w", "9999999d"):
        with pytest.raises(UsageFault):
            parse_age(text)
    with pytest.raises(UsageFault, match="`logs`"):
        parse_required(["logs"])
