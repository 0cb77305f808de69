"""One arm's log into its files: pairing by content and order, and hostile lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from invarlock.errors import EnvironmentFault, Inconclusive, SafetyRefusal
from invarlock.evidence.documents import documents_digest
from invarlock.evidence.schedule import schedule_key, schedule_seed
from invarlock.judge import contract_of, schedule_of
from invarlock.measure.job import ArmAnswer
from invarlock.measure.logs.arm import run_log
from invarlock.measure.logs.documents import log_documents
from invarlock.measure.logs.job import LogJob
from invarlock.policy.ir import BarIR
from tests.builders import make_bar
from tests.measure.logs.lines import Line, samples, token_lines, write

BAR = make_bar(final=8, preview=2, windows__length="64")
CHOICES = BarIR(task="multiple_choice", settings=BAR.settings, gates=BAR.gates)
TEXTS = token_lines(12, seed=1)


class Boundary:
    """The folders of both arms, one after the other."""

    def __init__(self, root: Path, bar: BarIR = BAR) -> None:
        self.root, self.bar = root, bar
        self.kind = "tokens" if bar is BAR else "lm-eval"

    def baseline(self, lines: Sequence[Line]) -> ArmAnswer:
        return self._run("baseline", write(self._log("baseline"), lines))

    def subject(self, lines: Sequence[Line]) -> ArmAnswer:
        for name in ("order.json", "windows.json"):
            (self._log("subject").parent / name).write_bytes(self.file("baseline", name))
        return self._run("subject", write(self._log("subject"), lines))

    def file(self, arm: str, name: str) -> bytes:
        return (self.root / f"{arm}-out" / name).read_bytes()

    def _log(self, arm: str) -> Path:
        folder = self.root / arm
        folder.mkdir(exist_ok=True)
        return folder / "log.jsonl"

    def _run(self, arm: str, log: Path) -> ArmAnswer:
        out = self.root / f"{arm}-out"
        out.mkdir(exist_ok=True)
        job = LogJob.model_validate(
            {
                "arm": arm,
                "kind": self.kind,
                "contract": contract_of(self.bar),
                "schedule": schedule_of(self.bar, self.bar.digest),
                "bar": self.bar.digest,
            }
        )
        return run_log(job, log.parent, out)


@pytest.fixture
def texts(tmp_path: Path) -> Boundary:
    return Boundary(tmp_path)


@pytest.fixture
def choices(tmp_path: Path) -> Boundary:
    return Boundary(tmp_path, CHOICES)


def test_the_schedule_follows_from_bar_and_documents(texts: Boundary) -> None:
    answer = texts.baseline(TEXTS)
    assert answer.data is not None
    assert (answer.data.documents, answer.data.windows) == (12, 12)
    assert answer.content == log_documents(texts.root / "baseline" / "log.jsonl", "tokens")
    assert answer.content == documents_digest(json.loads(texts.file("baseline", "order.json")))
    windows = json.loads(texts.file("baseline", "windows.json"))
    assert [window["phase"] for window in windows] == ["final"] * 8 + ["preview"] * 2
    keys = [schedule_key(schedule_seed(BAR.digest, answer.content), w["id"]) for w in windows]
    assert keys == sorted(keys)


def test_each_arm_leaves_the_losses_of_the_windows_drawn(texts: Boundary) -> None:
    other = token_lines(12, seed=2)
    texts.baseline(TEXTS)
    answer = texts.subject(other)
    windows = json.loads(texts.file("baseline", "windows.json"))
    assert answer.subject_ids == tuple(window["id"] for window in windows)
    for arm, lines in (("baseline", TEXTS), ("subject", other)):
        by_name = {line["id"]: line for line in lines}
        expected = [-n for w in windows for n in by_name[w["document"]]["logprobs"][1:]]
        found = np.frombuffer(texts.file(arm, f"{arm}.i64"), "<i8")
        assert np.array_equal(found, np.rint(np.array(expected) * 1e9).astype(np.int64))
    tokens = np.frombuffer(texts.file("baseline", "windows.u32"), "<u4").tolist()
    named = {line["id"]: line["tokens"] for line in TEXTS}
    assert tokens == [token for window in windows for token in named[window["document"]]]
    places = np.frombuffer(texts.file("baseline", "positions.u32"), "<u4").tolist()
    assert places == [at for window in windows for at in range(1, window["length"])]


def test_choices_have_no_tokens(choices: Boundary) -> None:
    choices.baseline(samples(12, seed=1))
    choices.subject(samples(12, seed=2))
    windows = json.loads(choices.file("baseline", "windows.json"))
    assert {(window["length"], window["rows"]) for window in windows} == {(0, 4)}
    assert all(window["answer"] == int(window["document"][5:]) % 4 for window in windows)
    assert choices.file("baseline", "windows.u32") == b""
    assert set(choices.file("baseline", "positions.u32")) == {0}
    assert len(choices.file("subject", "subject.i64")) == 8 * 4 * 10


def swapped(lines: Sequence[Line]) -> list[Line]:
    return [*lines[:3], lines[4], lines[3], *lines[5:]]


def edited(lines: Sequence[Line]) -> list[Line]:
    other = json.loads(json.dumps(lines[3]))
    if "tokens" in other:
        other["tokens"][5] += 1
    else:
        other["doc"]["question"] += "?"
    return [*lines[:3], other, *lines[4:]]


def longer(lines: Sequence[Line]) -> list[Line]:
    other = {**edited(lines)[3], "id": "more", "doc_id": 99}
    return [*lines, {key: value for key, value in other.items() if key in lines[0]}]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (swapped, "line 4 .* holds the document of line 5"),
        (edited, "line 4 .* another document"),
        (longer, "holds 13 documents, the baseline's 12"),
        (lambda lines: lines[:-1], "holds 11 documents, the baseline's 12"),
    ],
)
@pytest.mark.parametrize("kind", ["texts", "choices"])
def test_documents_that_are_not_the_baselines_in_its_order(
    kind: str,
    change: Callable[[Sequence[Line]], list[Line]],
    what: str,
    request: pytest.FixtureRequest,
) -> None:
    boundary: Boundary = request.getfixturevalue(kind)
    make = token_lines if kind == "texts" else samples
    boundary.baseline(make(12, 1))
    assert boundary.subject(make(12, 2)).error is None
    with pytest.raises(SafetyRefusal, match=what) as caught:
        boundary.subject(change(make(12, 2)))
    assert caught.value.code == "E001"


def test_a_text_that_stands_twice_is_drawn_once(texts: Boundary) -> None:
    copy = {**TEXTS[0], "id": "copy"}
    answer = texts.baseline([*TEXTS, copy])
    assert answer.data is not None
    assert (answer.data.documents, answer.data.windows) == (13, 12)
    ids = [window["id"] for window in json.loads(texts.file("baseline", "windows.json"))]
    assert len(ids) == len(set(ids))


def test_too_few_documents(texts: Boundary) -> None:
    with pytest.raises(Inconclusive) as caught:
        texts.baseline(TEXTS[:9])
    assert caught.value.code == "E002"


def test_a_log_of_another_task_and_no_log(tmp_path: Path) -> None:
    boundary = Boundary(tmp_path, CHOICES)
    boundary.kind = "tokens"
    with pytest.raises(SafetyRefusal) as caught:
        boundary.baseline(TEXTS)
    assert caught.value.code == "E210"
    with pytest.raises(EnvironmentFault) as missing:
        log_documents(tmp_path / "nothing", "tokens")
    assert missing.value.code == "E601"


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"{",
        b'{"tokens": [1, 2], "tokens": [1, 3], "logprobs": [null, -1]}',
        b'{"tokens": [1, 2], "logprobs": [null, NaN]}',
        b'{"tokens": [1, 2], "logprobs": [null, -Infinity]}',
        b'{"tokens": [1, 2], "logprobs": [null, -1e999]}',
        b'{"tokens": ["\\ud800", "b"], "logprobs": [null, -1]}',
        b'{"id": "d0", "tokens": [1, 2], "logprobs": [null, -1]}',
        b'{"id": ' + b"[" * 40 + b"]" * 40 + b"}",
        b"\xff",
    ],
)
def test_hostile_lines_are_named(texts: Boundary, line: bytes) -> None:
    good = b"".join(json.dumps(text).encode() + b"\n" for text in TEXTS)
    log = texts.root / "log.jsonl"
    log.write_bytes(good)
    assert log_documents(log, "tokens").startswith("sha256:")
    log.write_bytes(good + line + b"\n")
    with pytest.raises(SafetyRefusal, match="line 13") as caught:
        log_documents(log, "tokens")
    assert caught.value.code == "E003"
