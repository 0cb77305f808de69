"""Levels `measured` and `reproduced` on a tiny model, in the real boundary, against real forgers.

Forgers hold the trusted key, change evidence, and have the project's own functions build all that
follows from it. What the levels below cannot see is seen here.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from invarlock.attest.attest_run import attest_run
from invarlock.attest.keys import KeyType, new_key
from invarlock.canonical import NANO, canonical_bytes
from invarlock.evidence.schedule import schedule_key, window_id
from invarlock.verify.challenge import drawn, parse_share
from invarlock.verify.engine import verify_bundle
from invarlock.verify.request import VerifyRequest
from invarlock.verify.result import Level, Status, VerificationResult
from scripts.forge import BASELINE, HEADER, SUBJECT, forge_consistently, rebuilt
from tests.conftest import run_invarlock
from tests.e2e.conftest import POLICY, Bench
from tests.measure.tiny import edited, make_model
from tests.verify.fitting import fitting

pytestmark = [pytest.mark.sandbox, pytest.mark.xdist_group("e2e")]  # one set of runs for all

TENSORS = "evidence/subject.tensors.json"
Files = dict[str, bytes]
ROWS = 15
"""Of one window."""


def files_of(run: Path) -> Files:
    return {
        path.relative_to(run).as_posix(): path.read_bytes()
        for path in sorted(run.rglob("*"))
        if path.is_file() and path.name not in {"attestation.sigstore.json", "report.html"}
    }


@pytest.fixture(scope="module")
def key(bench: Bench) -> Path:
    path = bench.folder / "again.key"
    new_key(path, KeyType.P256)
    return path


@pytest.fixture
def forge(run: Path, key: Path, tmp_path: Path) -> Callable[..., Path]:
    """A signed copy of a run, after ``edit`` of its files and all that follows from them."""

    def made(edit: Callable[[Files], Files] | None = None, source: Path = run) -> Path:
        out = tmp_path / "run"
        shutil.copytree(source, out)
        if edit is not None:
            for name, data in rebuilt(edit(files_of(out))).items():
                (out / name).write_bytes(data)
        attest_run(out, key)
        return out

    return made


@pytest.fixture
def verify(bench: Bench, key: Path) -> Callable[..., VerificationResult]:
    def verified(run: Path, level: Level, share: str = "25%", **more: object) -> VerificationResult:
        given = {
            "subject": bench.subject,
            "baseline": bench.baseline,
            "data": bench.data,
            "policy": f"{bench.policy}#balanced+dev",
            **more,
        }
        return verify_bundle(
            VerifyRequest(
                bundle=run,
                keys=(key.with_name(key.name + ".pub"),),
                level=level,
                challenge=parse_share(share),
                **given,  # type: ignore[arg-type]
            )
        )

    return verified


def told(result: VerificationResult) -> str:
    return "\n".join(f"[{f.code}] {f.what}" for f in result.findings)


def better(window: int) -> Callable[[Files], Files]:
    """The subject's losses of one window made a thousandth of a nat lower, all columns fitting."""

    def edit(files: Files) -> Files:
        table = np.frombuffer(files[SUBJECT], "<i8").reshape(4, -1).copy()
        before = np.frombuffer(files[BASELINE], "<i8")
        rows = slice(window * ROWS, (window + 1) * ROWS)
        table[0, rows] -= NANO // 1000
        apart = np.exp(-table[0, rows] / NANO) - np.exp(-before[rows] / NANO)
        table[2, rows] = np.rint(apart * NANO)
        return {**files, SUBJECT: table.tobytes()}

    return edit


def test_an_honest_run_is_reproduced_with_other_threads_and_batches(
    bench: Bench, forge: Callable[..., Path], key: Path
) -> None:
    done = run_invarlock(
        "verify", forge(), "--key", f"{key}.pub", "--policy", f"{bench.policy}#balanced+dev",
        "--subject", bench.subject, "--baseline", bench.baseline, "--data", bench.data,
        "--level", "reproduced", "--challenge", "20%", "--threads", "1", "--format", "json",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "subject: scored 16 of 16 windows" in done.stderr
    fitting("verification", json.loads(done.stdout))
    result = VerificationResult.model_validate_json(done.stdout)
    assert set(result.levels.values()) == {Status.REACHED}
    found = result.reproduction
    assert found is not None
    assert (found.windows, found.always, len(found.challenged)) == (46, 8, 8)
    assert found.challenged == drawn(bytes.fromhex(found.seed), range(8, 46), 8)
    assert (found.survives, found.isolation) == (True, "sandbox")
    assert found.one is not None
    assert found.one.probability == "0.79"
    text = "\n".join(found.lines())
    assert re.search(r"8 of 38 windows, and the first 8; seed [0-9a-f]{64}", text)
    assert "one changed window would be missed with p = 0.79" in text


def test_one_forged_window_is_refused_when_all_are_challenged(
    forge: Callable[..., Path], verify: Callable[..., VerificationResult]
) -> None:
    run = forge(better(30))
    assert verify(run, Level.JUDGED).exit_code == 0
    result = verify(run, Level.REPRODUCED, "all")
    assert (result.exit_code, result.outcome, result.verdict) == (4, "refused", None)
    assert result.levels[Level.MEASURED] is Status.REACHED
    assert result.levels[Level.REPRODUCED] is Status.FAILED
    assert {f.code for f in result.findings} == {"E430"}
    row = r"window (\d+) \(document `doc\d+`\): the subject's log-loss, row \d+, off by (\S+)\n"
    ((window, by),) = re.findall(row, told(result))
    assert window == "30"
    assert float(by) == pytest.approx(-0.001, abs=1e-5)
    assert "the mean change of log-loss was told too low" in told(result)


def test_a_forged_window_that_the_seed_does_not_draw_is_missed_with_the_odds_told(
    forge: Callable[..., Path], verify: Callable[..., VerificationResult]
) -> None:
    seeds = (number.to_bytes(32, "big") for number in range(200))
    seed = next(one for one in seeds if 30 not in drawn(one, range(8, 46), 4))
    result = verify(forge(better(30)), Level.REPRODUCED, "4", challenge_seed=seed)
    assert result.exit_code == 0
    assert result.reproduction is not None
    assert result.reproduction.seed == seed.hex()
    assert result.reproduction.one is not None
    assert result.reproduction.one.probability == "0.895"  # 34 of 38


def test_forged_weights_pass_judged_and_are_refused_at_measured(
    forge: Callable[..., Path], verify: Callable[..., VerificationResult]
) -> None:
    def edit(files: Files) -> Files:
        tensors = json.loads(files[TENSORS])
        chosen = next(one for one in tensors if one["spectrum"] == "measured")
        chosen["log_sigma"] -= 1_000
        return {**files, TENSORS: canonical_bytes(tensors)}

    run = forge(edit)
    assert verify(run, Level.JUDGED).exit_code == 0
    result = verify(run, Level.MEASURED)
    assert (result.exit_code, result.levels[Level.MEASURED]) == (4, Status.FAILED)
    assert re.fullmatch(r"\[E430\] subject: tensor `[a-z_.0-9]+`: `log_sigma`", told(result))


def test_without_a_bar_weights_are_measured_and_nothing_is_decided(
    forge: Callable[..., Path], verify: Callable[..., VerificationResult]
) -> None:
    result = verify(forge(), Level.MEASURED, policy=None)
    assert (result.exit_code, result.outcome) == (3, "no-bar")
    assert result.levels[Level.MEASURED] is Status.REACHED
    assert result.levels[Level.REPRODUCED] is Status.NOT_ASKED


def test_a_window_of_other_tokens_is_refused(
    forge: Callable[..., Path], verify: Callable[..., VerificationResult]
) -> None:
    """Under an id that keeps the seed's order, of which only the tokenizer knows better."""

    def edit(files: Files) -> Files:
        windows = json.loads(files["evidence/windows.json"])
        tokens = np.frombuffer(files["evidence/windows.u32"], "<u4").reshape(-1, 16).copy()
        seed = json.loads(files[HEADER])["schedule"]["seed"]
        before, after = (schedule_key(seed, windows[at]["id"]) for at in (19, 21))
        draw = np.random.default_rng(0)
        while True:
            other = draw.integers(4, 300, 16).astype("<u4")
            name = window_id(other)
            if before < schedule_key(seed, name) < after:
                break
        tokens[20] = other
        windows[20] |= {"id": name, "subject_id": name}
        return {
            **files,
            "evidence/windows.json": canonical_bytes(windows),
            "evidence/windows.u32": tokens.tobytes(),
        }

    run = forge(edit)
    assert verify(run, Level.JUDGED).exit_code == 0
    result = verify(run, Level.REPRODUCED, "1")
    assert result.exit_code == 4
    assert "[E430] window 20: `id`" in told(result)
    assert "[E430] tokens of the windows" in told(result)


def test_a_pass_too_near_to_the_bound_is_inconclusive(
    bench: Bench,
    forge: Callable[..., Path],
    verify: Callable[..., VerificationResult],
    tmp_path: Path,
) -> None:
    run = forge()
    gates = json.loads((run / "evaluation.report.json").read_bytes())["gates"]
    (high,) = (gate["interval"][1] for gate in gates if gate["id"] == "perplexity.ratio")
    policy = tmp_path / "near.invar"
    policy.write_text(POLICY.replace("<= 1.10", f"<= {float(high) + 1e-6:.9f}"))
    bar = {"policy": f"{policy}#balanced+dev"}
    assert verify(run, Level.JUDGED, **bar).exit_code == 0
    result = verify(run, Level.REPRODUCED, "1", **bar)
    assert (result.exit_code, result.outcome, result.verdict) == (3, *["inconclusive"] * 2)
    assert [f.code for f in result.findings] == ["E431"]
    assert result.reproduction is not None
    assert result.reproduction.survives is False


def test_a_run_that_did_not_pass_forged_throughout_is_seen_in_any_window(
    bench: Bench,
    forge: Callable[..., Path],
    verify: Callable[..., VerificationResult],
    tmp_path: Path,
) -> None:
    def spoil(tensors: dict[str, np.ndarray]) -> None:  # type: ignore[type-arg]  # any dtype
        for name, array in tensors.items():
            if name.endswith("down_proj.weight"):
                array[:] = -array  # no spectrum moves

    subject = edited(bench.baseline, tmp_path / "spoilt", spoil)
    failed = tmp_path / "failed"
    assert bench.evaluate(failed, subject=subject).returncode in {1, 3}
    run = forge(lambda files: forge_consistently(files)[0], failed)
    assert verify(run, Level.JUDGED, subject=subject).exit_code == 0
    result = verify(run, Level.REPRODUCED, "1", subject=subject)
    assert result.exit_code == 4
    assert result.levels[Level.MEASURED] is Status.FAILED
    assert "subject: tensor `model.layers.0.mlp.down_proj.weight`: `drift.cosine`" in told(result)
    assert "the subject's log-loss" in told(result)
    assert re.search(r"subject: layer `[a-z_.0-9]+`: `(risk|log_spread)`", told(result))


def test_another_baseline_or_other_data_are_refused_before_anything_runs(
    bench: Bench,
    forge: Callable[..., Path],
    verify: Callable[..., VerificationResult],
    tmp_path: Path,
) -> None:
    run = forge()
    other = tmp_path / "data.jsonl"
    other.write_bytes(bench.data.read_bytes() + b'{"id": "more", "text": "and more"}\n')
    baseline = make_model(tmp_path / "baseline", seed=4)
    for changes in ({"baseline": baseline}, {"data": other}):
        result = verify(run, Level.REPRODUCED, **changes)
        assert (result.exit_code, result.levels[Level.BOUND]) == (4, Status.FAILED)
        assert {f.code for f in result.findings} == {"E403"}
        assert result.levels[Level.REPRODUCED] is Status.BLOCKED
        assert result.reproduction is None
