"""The program inside the boundary: both arms through a real launch, and its ways to fail."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from invarlock.artifacts.folder import open_folder, seal_bytes, seal_file
from invarlock.canonical import canonical_bytes
from invarlock.measure.job import ArmAnswer, ArmJob, Purpose
from invarlock.security.launch import LaunchRequest, Mode, launch
from tests.measure.arms import HANDED_OVER, job, lay_out
from tests.measure.tiny import edited

ROOT = Path(__file__).resolve().parents[2]


def run_launched(
    mode: Mode, task: ArmJob, folders: dict[str, Path], files: dict[str, Path], out: Path
) -> tuple[int, ArmAnswer, list[str]]:
    """One arm as the parent runs it: sealed inputs, a private folder, the boundary of ``mode``."""
    out.mkdir(mode=0o700)
    said: list[str] = []
    with ExitStack() as stack:
        inputs: dict[str, int] = {}
        for prefix, path in folders.items():
            inputs |= stack.enter_context(open_folder(path)).inputs(prefix)
        for name, path in files.items():
            sealed = seal_file(path, 1 << 30)
            stack.callback(sealed.close)
            inputs[name] = sealed.fd
        description = seal_bytes(canonical_bytes(task.model_dump(mode="json")))
        stack.callback(description.close)
        result = launch(
            LaunchRequest(
                mode=mode,
                argv=("invarlock.measure.worker",),
                inputs={**inputs, "job.json": description.fd},
                out=out,
                timeout_s=300.0,
                progress=said.append,
            )
        )
    answer = ArmAnswer.model_validate_json((out / "answer.json").read_bytes())
    return result.returncode, answer, said


@pytest.mark.sandbox
def test_both_arms_in_the_sandbox_hand_over_and_rest_at_the_null(
    tiny: Path, data: Path, tmp_path: Path
) -> None:
    """That the host gives the same bytes is for the whole path to show (``tests/e2e``)."""
    first, second = tmp_path / "one", tmp_path / "two"
    code, answer, said = run_launched(
        "sandbox", job("baseline"), {"model": tiny}, {"data.jsonl": data}, first
    )
    assert (code, answer.error) == (0, None)
    assert answer.data is not None
    assert "> scored 20 of 20 windows" in said
    handed = {name: first / name for name in HANDED_OVER}
    folders = {"model": tiny, "baseline": tiny}
    code, answer, _ = run_launched(
        "sandbox", job("subject"), folders, {"data.jsonl": data, **handed}, second
    )
    assert (code, answer.error) == (0, None)
    assert answer.subject_ids is not None
    assert answer.packages["torch"]
    numbers = np.fromfile(second / "subject.i64", "<i8")
    loss, kl, delta_p, top1 = numbers.reshape(4, -1)
    assert np.array_equal(loss, np.fromfile(first / "baseline.i64", "<i8"))
    assert not kl.any()
    assert not delta_p.any()
    assert np.all(top1 == 1)
    theirs, ours = (first / "baseline.tensors.json", second / "subject.tensors.json")
    # Drift and change are what the subject's arm alone can say.
    seen = [json.loads(records.read_bytes()) for records in (theirs, ours)]
    alone = [[{**tensor, "drift": None, "change": None} for tensor in arm] for arm in seen]
    assert alone[0] == alone[1]


@pytest.mark.sandbox
def test_a_check_in_the_sandbox_needs_the_model_alone(tiny: Path, tmp_path: Path) -> None:
    task = job("subject", purpose="check")
    code, answer, _ = run_launched("sandbox", task, {"model": tiny}, {}, tmp_path / "out")
    assert (code, answer.error) == (0, None)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["answer.json"]


def run_alone(
    task: ArmJob, place: Path, links: dict[str, Path], *, before: str = ""
) -> tuple[int, ArmAnswer, str]:
    """The program by itself, without a boundary; ``before`` is Python that runs first."""
    laid = lay_out(place, links)
    (laid.inputs / "job.json").write_text(task.model_dump_json())
    arguments = ["--in", str(laid.inputs), "--out", str(laid.out)]
    program = (
        "import sys, runpy; sys.dont_write_bytecode = True\n"  # a full disk must not truncate it
        f"sys.path.insert(0, {str(ROOT)!r}); sys.argv = ['w', *{arguments!r}]\n"
        f"{before}\n"
        "runpy.run_module('invarlock.measure.worker', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={"PATH": os.environ["PATH"]},
    )
    return (
        done.returncode,
        ArmAnswer.model_validate_json((laid.out / "answer.json").read_bytes()),
        (done.stderr),
    )


def remote_code(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps({"auto_map": {"AutoModel": "x.Y"}}))


def truncated(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])


def twice(folder: Path) -> None:
    entry = b'"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
    body = b"{" + entry + b"," + entry + b"}"
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(body)) + body + bytes(4))


def shardless(folder: Path) -> None:
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "model.safetensors").rename(folder / "model-1.safetensors")


@pytest.mark.parametrize(
    ("spoil", "code"),
    [(remote_code, "E204"), (truncated, "E202"), (twice, "E202"), (shardless, "E203")],
)
def test_an_unsafe_model_is_an_error_of_the_answer(
    tiny: Path, data: Path, tmp_path: Path, spoil: Callable[[Path], None], code: str
) -> None:
    model = edited(tiny, tmp_path / "m", lambda tensors: None)
    links = {"model": model, "data.jsonl": data}
    spoil(model)
    purposes: tuple[Purpose, ...] = ("check", "measure")
    for purpose in purposes:
        task = job("baseline", purpose=purpose)
        returned, answer, said = run_alone(task, tmp_path / purpose, links)
        assert returned == 1
        assert answer.error is not None
        assert (answer.error.code, answer.error.exit_code) == (code, 5)
        assert "Traceback" not in said


def test_a_broken_data_line_is_an_error_of_the_answer(tiny: Path, tmp_path: Path) -> None:
    data = tmp_path / "data.jsonl"
    data.write_text('{"text": "a"}\n{"text": \n')
    links = {"model": tiny, "data.jsonl": data}
    returned, answer, said = run_alone(job("baseline"), tmp_path / "run", links)
    assert returned == 1
    assert answer.error is not None
    assert (answer.error.code, answer.error.exit_code) == ("E003", 5)
    assert "line 2" in answer.error.message
    assert "Traceback" not in said


def test_a_bound_file_of_other_bytes_is_refused(tiny: Path, data: Path, tmp_path: Path) -> None:
    links = {"model": tiny, "data.jsonl": data}
    expected = {"model/model.safetensors": "sha256:" + "0" * 64}
    task = job("baseline", purpose="check", expected=expected)
    _, answer, _ = run_alone(task, tmp_path / "run", links)
    assert answer.error is not None
    assert answer.error.code == "E209"
    _, answer, _ = run_alone(job("baseline", purpose="check"), tmp_path / "again", links)
    assert answer.error is None


def test_memory_that_gives_out_is_the_surroundings(tiny: Path, data: Path, tmp_path: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_AS, (420 << 20, 420 << 20))"
    lines = tmp_path / "data.jsonl"
    lines.write_text(json.dumps({"text": "stone " * (10 << 20)}) + "\n")
    links = {"model": tiny, "data.jsonl": lines}
    returned, answer, said = run_alone(job("baseline"), tmp_path / "run", links, before=limit)
    assert returned == 1
    assert answer.error is not None
    assert (answer.error.code, answer.error.exit_code) == ("E604", 6)
    assert "Traceback" not in said


def test_a_full_disk_is_the_surroundings(tiny: Path, data: Path, tmp_path: Path) -> None:
    limit = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))"
    )
    links = {"model": tiny, "data.jsonl": data}
    returned, answer, said = run_alone(job("baseline"), tmp_path / "run", links, before=limit)
    assert returned == 1
    assert answer.error is not None
    assert (answer.error.code, answer.error.exit_code) == ("E603", 6)
    assert "Traceback" not in said


def test_a_defect_is_an_internal_error_and_no_traceback(
    tiny: Path, data: Path, tmp_path: Path
) -> None:
    defect = (
        "import invarlock.measure.arm as arm\n"
        "def broken(*given): raise ZeroDivisionError('as if by accident')\n"
        "arm.read_documents = broken"
    )
    links = {"model": tiny, "data.jsonl": data}
    returned, answer, said = run_alone(job("baseline"), tmp_path / "run", links, before=defect)
    assert returned == 1
    assert answer.error is not None
    assert (answer.error.code, answer.error.exit_code) == ("E901", 70)
    assert "ZeroDivisionError" in answer.error.message
    assert "Traceback" not in said
