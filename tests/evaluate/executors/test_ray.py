"""Two real workers: what they measure is what one process measures, bit for bit, whoever dies."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from invarlock.canonical import canonical_bytes, digest_bytes
from invarlock.errors import EnvironmentFault, SafetyRefusal
from invarlock.evaluate.assemble import assemble
from invarlock.evaluate.executors import Executor, Local
from invarlock.evaluate.executors.ray import RayWorkers, ray_cluster
from invarlock.evaluate.inputs import Inputs, open_inputs
from invarlock.evaluate.request import Request
from invarlock.evaluate.session import Session, whole_of
from invarlock.evidence.schema import Schedule
from invarlock.measure.job import Span
from tests.measure.arms import SEED, contract
from tests.measure.tiny import edited, make_model, prose, write_data

pytestmark = [pytest.mark.ray, pytest.mark.sandbox, pytest.mark.xdist_group("ray")]

SCHEDULE = Schedule(seed=SEED, preview=5, final=20)


@pytest.fixture(scope="module")
def request_of(tmp_path_factory: pytest.TempPathFactory) -> Request:
    root = tmp_path_factory.mktemp("ray")
    tiny, data = make_model(root / "tiny"), write_data(root / "data.jsonl", prose())
    subject = edited(tiny, root / "subject", lambda tensors: tensors["lm_head.weight"].__imul__(2))
    return Request(
        *("unused", None, None),
        baseline=tiny,
        subject=subject,
        data=data,
        out=root / "run",
        executor="ray",
        workers=2,
        threads=1,
    )


@pytest.fixture(scope="module")
def inputs(request_of: Request) -> Iterator[Inputs]:
    with ExitStack() as stack:
        yield open_inputs(request_of, "sandbox", contract(), lambda data: SCHEDULE, stack)


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayWorkers]:
    with ray_cluster(2) as workers:
        yield workers


def evidence(inputs: Inputs, executor: Executor, scratch: Path, *spans: Span) -> dict[str, bytes]:
    """The evidence of all windows, measured in ``spans`` or at once, but for the times in it."""
    scratch.mkdir(parents=True)
    session = Session(inputs, executor, None, scratch, lambda line: None)
    for span in spans or (whole_of(SCHEDULE),):
        session.measure(span)
    parts = assemble(inputs, *session.arms())
    header = json.loads(parts.pop("evidence.json"))
    assert header["parts"].pop("overhead.json") == digest_bytes(parts.pop("overhead.json"))
    return {**parts, "evidence.json": canonical_bytes(header)}


@pytest.fixture(scope="module")
def local(inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return evidence(inputs, Local(), tmp_path_factory.mktemp("local") / "scratch")


def killed_once(*marks: str) -> Callable[[], bool]:
    """For each mark in turn, kill the first process of a worker's whose command line or whose
    libraries hold it; gives a function that stops and says whether all were."""
    left, stop = list(marks), threading.Event()

    def watch() -> None:
        while left and not stop.is_set():
            for pid in (pid for worker in _below(os.getpid()) if "ray::" in _read(worker, "cmdline")
                        for pid in (worker, *_below(worker))):  # fmt: skip
                if left and (left[0] in _read(pid, "cmdline") or left[0] in _read(pid, "maps")):
                    os.kill(pid, signal.SIGKILL)
                    left.pop(0)
                    time.sleep(1.0)  # what it took along is gone, too
            time.sleep(0.02)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()

    def finish() -> bool:
        stop.set()
        thread.join()
        return not left

    return finish


def _below(parent: int) -> list[int]:
    found = [parent]
    for pid in found:
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                found += [int(word) for word in task.read_text().split()]
            except OSError:
                continue
    return found[1:]


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


BOUNDARY = "libtorch_cpu"
"""A library that only a boundary at work has loaded."""


def test_two_workers_measure_what_one_process_does_though_both_are_killed(
    inputs: Inputs, cluster: RayWorkers, local: dict[str, bytes], tmp_path: Path
) -> None:
    finish = killed_once("ray::Worker.run", BOUNDARY)
    looks = (Span(start=0, stop=8), Span(start=8, stop=25))
    found = evidence(inputs, cluster, tmp_path / "scratch", *looks)
    assert finish()
    assert found == local


def test_a_run_that_cannot_finish_says_so(
    inputs: Inputs, cluster: RayWorkers, tmp_path: Path
) -> None:
    once = replace(cluster, attempts=1)
    finish = killed_once(BOUNDARY)
    with pytest.raises(EnvironmentFault) as caught:
        evidence(inputs, once, tmp_path / "scratch")
    assert finish()
    assert (caught.value.code, caught.value.exit_code) == ("E607", 6)
    assert "1 of 2 parts" in caught.value.message


def test_a_worker_that_reads_other_bytes_refuses(
    inputs: Inputs, cluster: RayWorkers, tmp_path: Path
) -> None:
    elsewhere = replace(inputs, request=replace(inputs.request, subject=inputs.request.baseline))
    with pytest.raises(SafetyRefusal) as caught:
        evidence(elsewhere, replace(cluster), tmp_path / "scratch")
    assert caught.value.code == "E209"


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(EnvironmentFault) as caught, ray_cluster(2):
        pass
    assert caught.value.code == "E605"
    assert caught.value.hint == "pip install 'invarlock[advanced]'"
