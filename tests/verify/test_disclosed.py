"""Single windows with proofs: what they show, and every way in which they show nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from invarlock.canonical import canonical_bytes
from invarlock.cli import main
from invarlock.cli.arguments import parse_windows
from invarlock.errors import UsageFault
from invarlock.evidence.disclosure import DISCLOSURE_FILE, leaf_file, path_length
from invarlock.evidence.leaves import read_leaf
from invarlock.evidence.merkle import inclusion_proof
from invarlock.evidence.schema import COLUMN_PLACES, COLUMNS
from invarlock.verify.disclosure_folder import disclose_windows
from invarlock.verify.result import DISCLOSED, Level, VerificationResult
from tests.verify.runs import Scene, case, documents, make_scene, report_of, signed

WINDOWS = [3, 17, 65]


def publish(scene: Scene, worse: float) -> None:
    files = documents(case(worse=worse))
    report = report_of(files).encode()
    scene.publish(files, report, signed(report))


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A run, three of its windows, and the bundle by itself."""
    scene = make_scene(tmp_path_factory.mktemp("disclosed"))
    publish(scene, 0.01)
    assert disclose_windows(scene.root / "run", WINDOWS, scene.root / "few") == (3, 66)
    (scene.root / "lone").mkdir()
    shutil.copy(scene.request.bundle, scene.root / "lone" / "bundle.json")
    return scene


@pytest.fixture
def few(published: Scene, tmp_path: Path) -> Path:
    """A copy of the disclosure, to be tampered with."""
    shutil.copytree(published.root / "few", tmp_path / "few")
    return tmp_path / "few"


def verified(scene: Scene, folder: Path, **more: Any) -> VerificationResult:
    asked = {
        "bundle": scene.root / "lone" / "bundle.json",
        "level": Level.SIGNED,
        "policy": None,
        "subject": None,
        "baseline": None,
        "data": None,
    }
    return scene.verify(**{**asked, "disclosed": folder, **more})


def codes(result: VerificationResult) -> set[str]:
    return {finding.code for finding in result.findings}


def said(result: VerificationResult) -> str:
    return "; ".join(finding.what for finding in result.findings)


def test_windows_are_shown_without_the_others(published: Scene, few: Path) -> None:
    result = verified(published, few)
    assert codes(result) == set()
    assert [one.position for one in result.disclosed] == WINDOWS
    listed = json.loads((published.root / "run/evidence/windows.json").read_bytes())
    for one in result.disclosed:
        window = listed[one.position]
        assert (one.id, one.document, one.slice) == tuple(
            window[name] for name in ("id", "document", "slice")
        )


def test_every_sum_is_in_the_unit_of_its_column(published: Scene, few: Path) -> None:
    run = published.root / "run/evidence"
    stored = [
        np.frombuffer((run / file).read_bytes(), "<i8").reshape(columns, 66, -1)
        for file, columns in (("baseline.i64", 1), ("subject.i64", 4))
    ]
    units = {"baseline_loss": 9, "loss": 9, "kl": 9, "delta_p": 9, "top1": 0}
    for one in verified(published, few).disclosed:
        assert list(one.sums) == list(units)
        for (name, places), column in zip(units.items(), np.concatenate(stored), strict=True):
            total = Decimal(sum(column[one.position].tolist())).scaleb(-places)
            assert Decimal(one.sums[name] or "nan") == total, name
        agree = one.sums["top1"]
        assert agree is not None
        assert agree.isdigit()
        assert int(agree) <= one.rows


def test_every_column_of_every_task_has_a_unit() -> None:
    stored = [name for one in COLUMNS.values() for name in (*one.baseline, *one.subject)]
    assert set(stored) == set(COLUMN_PLACES)


def test_they_are_no_verdict(published: Scene, few: Path) -> None:
    result = verified(published, few)
    assert (result.exit_code, result.outcome, result.verdict) == (3, "no-bar", None)
    judged = verified(published, few, level=Level.JUDGED, policy=published.request.policy)
    assert (judged.exit_code, judged.outcome, judged.verdict) == (3, "lacking", None)
    assert len(judged.disclosed) == 3


def test_they_go_with_a_whole_run_as_well(published: Scene, few: Path) -> None:
    assert published.verify(disclosed=few).exit_code == 0


def listing(few: Path, change: Callable[[Any], object]) -> None:
    path = few / DISCLOSURE_FILE
    document = json.loads(path.read_bytes())
    change(document)
    path.write_bytes(canonical_bytes(document))


def swap(few: Path, one: int, other: int) -> None:
    first, second = few / leaf_file(one), few / leaf_file(other)
    data = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(data)


def flip(path: Path, at: int = -1) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(bytes(data))


def renumber(few: Path) -> None:
    (few / leaf_file(17)).rename(few / leaf_file(18))
    listing(few, lambda d: d["windows"][1].update(position=18))


def other_path(document: Any) -> None:
    document["windows"][0]["path"] = document["windows"][1]["path"]


def shorter(document: Any) -> None:
    document["windows"][0]["path"].pop()


TAMPERED: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "a number": (lambda few: flip(few / leaf_file(3)), "E417", "window 3: no path"),
    "a document": (
        lambda few: flip(few / leaf_file(3), (few / leaf_file(3)).read_bytes().index(b"doc")),
        "E417",
        "window 3: no path",
    ),
    "another window's bytes": (lambda few: swap(few, 3, 17), "E417", "window 17: no path"),
    "another window's proof": (lambda few: listing(few, other_path), "E417", "window 3: no path"),
    "a shorter proof": (
        lambda few: listing(few, shorter),
        "E417",
        "window 3: its path has 6 steps instead of 7",
    ),
    "no proof": (
        lambda few: listing(few, lambda d: d["windows"][2].update(path=[])),
        "E417",
        "window 65: its path has 0 steps instead of 2",
    ),
    "another place": (renumber, "E417", "window 18: no path"),
    "a place beyond": (
        lambda few: listing(few, lambda d: d["windows"][2].update(position=66)),
        "E417",
        "window 66 is not one of the run's 66",
    ),
    "a larger tree": (
        lambda few: listing(few, lambda d: d.update(count=67)),
        "E417",
        "counts 67 windows, and the run has 66",
    ),
    "a smaller tree": (lambda few: listing(few, lambda d: d.update(count=65)), "E417", "counts 65"),
    "twice": (
        lambda few: listing(few, lambda d: d["windows"].append(d["windows"][0])),
        "E417",
        "out of order",
    ),
    "the header": (lambda few: flip(few / "evidence.json", 40), "E403", "header that was signed"),
    "an unknown field": (
        lambda few: listing(few, lambda d: d.update(verdict="pass")),
        "E405",
        "`verdict`",
    ),
    "no leaf": (lambda few: (few / leaf_file(3)).unlink(), "E409", "leaves/3.leaf"),
    "a link": (
        lambda few: (
            (few / leaf_file(3)).unlink(),
            (few / leaf_file(3)).symlink_to(few / leaf_file(17)),
        ),
        "E403",
        "link or special file",
    ),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_what_is_tampered_with_is_refused(published: Scene, few: Path, name: str) -> None:
    tamper, code, words = TAMPERED[name]
    tamper(few)
    result = verified(published, few)
    assert (result.exit_code, codes(result)) == (4, {code})
    assert words in said(result)


def test_windows_of_another_run_are_refused(published: Scene, tmp_path: Path) -> None:
    other = make_scene(tmp_path)
    publish(other, 0.02)
    disclose_windows(tmp_path / "run", WINDOWS, tmp_path / "few")
    assert codes(verified(published, tmp_path / "few")) == {"E403"}
    # With the signed header in its place the numbers still have no path.
    shutil.copy(published.root / "few" / "evidence.json", tmp_path / "few" / "evidence.json")
    result = verified(published, tmp_path / "few")
    assert (result.exit_code, codes(result), result.disclosed) == (4, {"E417"}, ())


def test_a_run_that_contradicts_its_report_discloses_nothing(tmp_path: Path) -> None:
    scene = make_scene(tmp_path)
    publish(scene, 0.01)
    flip(tmp_path / "run" / "evidence" / "subject.i64")
    words = ["evidence", "disclose", str(tmp_path / "run"), "--windows", "3"]
    assert main([*words, "-o", str(tmp_path / "few")]) == 4
    assert not (tmp_path / "few").exists()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda data: data[:-8], "not as many"),
        (lambda data: data.replace(b'"rows":8', b'"rows":7'), "not as many"),
        (lambda data: data.replace(b'{"columns"', b'{ "columns"'), "canonical"),
        (lambda data: data.replace(b'"phase":"final"', b'"phase":"last"'), "phase"),
        (lambda data: b"", "strict json"),
        (lambda data: b'{"columns":[],"window":{}}\n', "window"),
    ],
)
def test_bytes_that_are_no_leaf(
    published: Scene, change: Callable[[bytes], bytes], told: str
) -> None:
    from invarlock.errors import VerificationFault

    data = (published.root / "few" / leaf_file(3)).read_bytes()
    assert read_leaf(data).window.rows == 8
    with pytest.raises(VerificationFault, match=told) as caught:
        read_leaf(change(data))
    assert caught.value.code == "E405"


def test_paths_are_as_long_as_the_tree_is_deep() -> None:
    for count in range(1, 40):
        leaves = [bytes([at]) for at in range(count)]
        for at in range(count):
            assert path_length(at, count) == len(inclusion_proof(leaves, at))


def test_as_typed(published: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, out = str(published.root / "run"), str(tmp_path / "few")
    words = ["evidence", "disclose", run, "-o", out, "--windows"]
    assert main([*words, "0,7-9"]) == 0
    assert "4 of 66 windows written" in capsys.readouterr().out
    assert main([*words, "1"]) == 2
    assert main(["evidence", "disclose", run, "-o", out + "2", "--windows", "66"]) == 2
    assert main(["evidence", "disclose", str(tmp_path), "-o", out + "2", "--windows", "6"]) != 0
    capsys.readouterr()
    check = ["verify", str(published.root / "lone" / "bundle.json"), "--disclosed", out]
    check += ["--key", str(published.root / "key.pub"), "--level", "signed"]
    assert main(check) == 3
    told = capsys.readouterr().out
    assert f"disclosed   4 windows: {DISCLOSED}" in told
    assert "window 7" in told
    assert main([*check, "--format", "json"]) == 3
    assert len(json.loads(capsys.readouterr().out)["disclosed"]) == 4
    assert parse_windows("3, 5-6") == [3, 5, 6]
    for text in ("", "x", "3-1", "1-99999", "-1"):
        with pytest.raises(UsageFault):
            parse_windows(text)
