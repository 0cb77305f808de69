"""What bad input gets: one line that names the thing, its exit code, and no run folder.

The positive control of every case here is ``test_path.py``: the same command on good input.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.e2e.conftest import Bench
from tests.measure.tiny import edited

pytestmark = [pytest.mark.sandbox, pytest.mark.xdist_group("e2e")]  # one cache for all

Spoil = Callable[[Path], None]


def refused(done: CompletedProcess[str], out: Path, exit_code: int, code: str, *names: str) -> None:
    """One line on stderr's end with the code and the names; nothing of a run remains."""
    assert done.returncode == exit_code, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert f"[INVARLOCK:{code}]" in last
    for name in names:
        assert name in last
    assert not os.path.lexists(out)
    assert list(out.parent.glob(f".{out.name}.*")) == []


def pickle_for_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"weight": [1.0]}))


def pickle_in_disguise(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(pickle.dumps({"weight": [1.0]}))


def missing_shard(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    index = {
        "metadata": {},
        "weight_map": {
            "lm_head.weight": "model-00001-of-00002.safetensors",
            "model.norm.weight": "model-00002-of-00002.safetensors",
        },
    }
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def duplicate_key(folder: Path) -> None:
    path = folder / "model.safetensors"
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = data[8 : 8 + length].rstrip()
    entry = b'"model.norm.weight":{"dtype":"F32","shape":[32],"data_offsets":[0,128]}'
    spoiled = header[:-1] + b"," + entry + b"}"
    path.write_bytes(struct.pack("<Q", len(spoiled)) + spoiled + data[8 + length :])


def truncated(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def auto_map(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoModelForCausalLM": "modeling_evil.Evil"}
    (folder / "config.json").write_text(json.dumps(config))


def link_out(folder: Path) -> None:
    (folder / "README.md").symlink_to("/etc/hostname")


@pytest.mark.parametrize("arm", ["baseline", "subject"])
@pytest.mark.parametrize(
    ("spoil", "code", "name"),
    [
        (pickle_for_weights, "E201", "pytorch_model.bin"),
        (pickle_in_disguise, "E201", "model.safetensors"),
        (missing_shard, "E203", "model-00002-of-00002.safetensors"),
        (duplicate_key, "E202", "model.norm.weight"),
        (truncated, "E202", "model.safetensors"),
        (auto_map, "E204", "auto_map"),
        (link_out, "E205", "README.md"),
    ],
)
def test_an_unsafe_model_is_refused_before_any_is_loaded(
    bench: Bench, tmp_path: Path, arm: str, *, spoil: Spoil, code: str, name: str
) -> None:
    model = tmp_path / "spoiled"
    shutil.copytree(bench.subject, model)
    spoil(model)
    done = bench.evaluate(tmp_path / "run", "--no-cache", **{arm: model})
    refused(done, tmp_path / "run", 5, code, name)
    assert "loading the model" not in done.stderr


def test_nan_weights_are_a_verdict(bench: Bench, tmp_path: Path) -> None:
    def spoil(tensors: dict[str, np.ndarray]) -> None:  # type: ignore[type-arg]  # any dtype
        tensors["model.layers.1.mlp.up_proj.weight"][0, 0] = np.nan

    subject = edited(bench.baseline, tmp_path / "nan", spoil)
    done = bench.evaluate(tmp_path / "run", subject=subject)
    assert done.returncode == 1, done.stderr
    gates = json.loads((tmp_path / "run" / "evaluation.report.json").read_text())["gates"]
    verdicts = {gate["id"]: gate["verdict"] for gate in gates}
    assert verdicts["invariants.non_finite"] == "fail"
    assert verdicts["perplexity.ratio"] == "incomplete"


@pytest.mark.parametrize("what", ["baseline", "subject", "data", "policy"])
def test_an_absent_path_is_named(bench: Bench, tmp_path: Path, what: str) -> None:
    absent = tmp_path / "absent"
    done = bench.evaluate(tmp_path / "run", **{what: absent})
    refused(done, tmp_path / "run", 6, "E601", str(absent))


def test_a_broken_line_of_data_is_named(bench: Bench, tmp_path: Path) -> None:
    data = tmp_path / "broken.jsonl"
    data.write_text(bench.data.read_text() + '{"text": \n')
    done = bench.evaluate(tmp_path / "run", "--no-cache", data=data)
    refused(done, tmp_path / "run", 5, "E003", "line 41")


def test_too_little_data_is_inconclusive(bench: Bench, tmp_path: Path) -> None:
    data = tmp_path / "short.jsonl"
    data.write_text("".join(bench.data.read_text().splitlines(keepends=True)[:3]))
    done = bench.evaluate(tmp_path / "run", "--no-cache", data=data)
    refused(done, tmp_path / "run", 3, "E002")


def test_a_misspelled_word_of_the_policy_is_placed(bench: Bench, tmp_path: Path) -> None:
    policy = tmp_path / "typo.invar"
    policy.write_text(bench.policy.read_text().replace("perplexity.ratio", "perplexity.ration"))
    done = bench.evaluate(tmp_path / "run", policy=policy)
    refused(done, tmp_path / "run", 2, "E102", "`perplexity.ration`", "`perplexity.ratio`?")


def test_a_bar_without_floors_asks_for_a_profile(bench: Bench, tmp_path: Path) -> None:
    bare = tmp_path / "bare.invar"
    bare.write_text(bench.policy.read_text().replace("require windows.final >= 40", ""))
    done = bench.evaluate(tmp_path / "run", policy=bare)
    refused(done, tmp_path / "run", 2, "E004", "windows.final")


def test_a_beacon_is_there_if_and_only_if_the_bar_asks(bench: Bench, tmp_path: Path) -> None:
    asking = tmp_path / "asking.invar"
    asking.write_text(bench.policy.read_text() + "\nwindows.beacon = required\n")
    done = bench.evaluate(tmp_path / "run", policy=asking)
    refused(done, tmp_path / "run", 2, "E005", "--beacon")
    done = bench.evaluate(tmp_path / "run", "--beacon", "ab" * 32)
    refused(done, tmp_path / "run", 2, "E005", "windows.beacon")


def test_without_bubblewrap_it_refuses_with_the_install_hint(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "bin"
    empty.mkdir()
    monkeypatch.setenv("PATH", str(empty))
    done = bench.evaluate(tmp_path / "run")
    refused(done, tmp_path / "run", 5, "E301", "bubblewrap")


def test_a_full_disk_leaves_no_run(bench: Bench, tmp_path: Path) -> None:
    """On a tmpfs of 64 KiB, mounted in a namespace of the test's own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    words = [
        sys.executable, "-m", "invarlock", "evaluate", "--no-cache",
        "--policy", f"{bench.policy}#balanced+dev", "--baseline", str(bench.baseline),
        "--subject", str(bench.subject), "--data", str(bench.data), "--out", str(disk / "run"),
    ]  # fmt: skip
    script = (
        'mount -t tmpfs -o size=64k tmpfs "$1" && shift '
        '&& { "$@"; code=$?; ls -A "$0"; exit $code; }'
    )
    done = subprocess.run(
        ["unshare", "--mount", "--map-root-user", "sh", "-c", script, str(disk), str(disk), *words],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    refused(done, disk / "run", 6, "E603")
    assert done.stdout == ""


def test_ctrl_c_leaves_no_run(bench: Bench, tmp_path: Path) -> None:
    out = tmp_path / "run"
    child = subprocess.Popen(
        [sys.executable, "-m", "invarlock", "evaluate", "--no-cache",
         "--policy", f"{bench.policy}#balanced+dev", "--baseline", str(bench.baseline),
         "--subject", str(bench.subject), "--data", str(bench.data), "--out", str(out)],
        stderr=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    assert child.stderr is not None
    for line in child.stderr:
        if line.startswith("baseline:"):
            break
    assert list(tmp_path.glob(".run.*.partial")) != []
    child.send_signal(signal.SIGINT)
    begun = time.monotonic()
    rest = child.stderr.read()
    assert child.wait(timeout=30) == 130
    assert time.monotonic() - begun < 10
    assert rest.strip().splitlines()[-1] == "invarlock: interrupted; no run was written"
    assert "Traceback" not in rest
    assert list(tmp_path.iterdir()) == []
    child.stderr.close()
