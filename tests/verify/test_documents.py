"""Documents and slices of the evidence against the data file that was signed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from invarlock.canonical import digest_bytes
from invarlock.errors import VerificationFault
from invarlock.evidence.model import Evidence
from invarlock.verify.documents import check_documents, read_slices
from invarlock.verify.result import Level, Status
from tests.builders import DATA
from tests.verify.runs import Scene, case, documents, make_scene, report_of, signed

EVIDENCE = case().evidence()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.jsonl"
    path.write_bytes(DATA)
    return path


def with_window(**changes: Any) -> Evidence:
    other = EVIDENCE.windows[3].model_copy(update=changes)
    return replace(EVIDENCE, windows=(*EVIDENCE.windows[:3], other, *EVIDENCE.windows[4:]))


def test_what_the_data_say_is_what_the_windows_say(data: Path) -> None:
    assert list(check_documents(data, EVIDENCE)) == []


@pytest.mark.parametrize("changes", [{"slice": "another"}, {"slice": None}, {"document": "doc-x"}])
def test_a_window_of_another_slice_or_of_no_document(data: Path, changes: dict[str, Any]) -> None:
    (finding,) = check_documents(data, with_window(**changes))
    assert (finding.code, finding.kind, finding.level) == ("E404", "refused", Level.BOUND)
    assert "window 3" in finding.what


def test_the_number_of_documents_is_the_files(data: Path) -> None:
    data.write_bytes(DATA + b'{"text":"one more"}\n')
    changed, finding = check_documents(data, EVIDENCE)
    assert (changed.code, "changed while it was read" in changed.what) == ("E403", True)
    assert (finding.code, finding.found, finding.expected) == ("E404", "24", "25")


def test_many_wrong_windows_are_counted(data: Path) -> None:
    data.write_bytes(DATA.replace(b"prose", b"poems"))
    changed, *found = check_documents(data, EVIDENCE)
    assert changed.code == "E403"
    assert len(found) == 9
    assert "more windows" in found[-1].what


@pytest.mark.parametrize(
    "line", [b"[]", b"{", b'{"id":1}', b'{"slice":[]}', b'{"id":"doc-0001"}', b'{"a":1,"a":2}']
)
def test_a_file_that_no_evaluation_reads(data: Path, line: bytes) -> None:
    data.write_bytes(DATA + line + b"\n")
    with pytest.raises(VerificationFault, match=r"E405.*line 25"):
        read_slices(data)
    (finding,) = check_documents(data, EVIDENCE)
    assert finding.code == "E405"


def test_documents_without_an_id_are_named_by_their_line(data: Path) -> None:
    data.write_bytes(b'{"text":"a"}\n{"source":"b","target":"c","slice":"s"}\n')
    found, digest = read_slices(data)
    assert found == {"line:1": None, "line:2": "s"}
    assert digest == digest_bytes(data.read_bytes())


def test_a_producer_who_moves_a_window_to_a_kinder_slice_is_seen_with_the_data(
    tmp_path: Path,
) -> None:
    scene: Scene = make_scene(tmp_path)
    files = documents(replace(case(), slices=("verse", "prose")))
    report = report_of(files).encode()
    scene.publish(files, report, signed(report))
    assert scene.verify(data=None).exit_code == 0
    result = scene.verify()
    assert result.exit_code == 4
    assert result.levels[Level.BOUND] is Status.FAILED
    assert {finding.code for finding in result.findings} == {"E404"}
