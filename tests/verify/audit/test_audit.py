"""`audit` as typed: what becomes of each model, and a folder that somebody arranged to harm."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from invarlock.cli import main
from tests.verify.audit.conftest import Audit, put, states
from tests.verify.runs import Scene


def test_all_verified(made: Scene, models: Path, audit: Audit) -> None:
    put(made, models / "a")
    put(made, models / "deeper" / "b", within=".invarlock/2026")
    put(made, models / "c", None)
    shutil.copytree(made.root / "run.kept", models / "c.invarlock")
    code, found = audit()
    assert (code, states(found)) == (0, {"a": "verified", "c": "verified", "deeper/b": "verified"})
    assert found["totals"]["verified"] == {"models": 3, "share": "1"}
    assert found["totals"]["sandboxed"] == {"models": 3, "share": "1"}
    assert found["bar"]["digest"] == found["models"][0]["attestation"]["bar"]["digest"]
    assert found["models"][0]["attestation"]["isolation"] == "sandbox"


def test_each_state_with_its_reason(made: Scene, models: Path, audit: Audit) -> None:
    put(made, models / "good")
    put(made, models / "bare", None)
    put(made, models / "missed", "failing")
    (put(made, models / "other") / "model.safetensors").write_bytes(b"other weights")
    (put(made, models / "poor") / ".invarlock/evidence/subject.i64").unlink()
    (put(made, models / "link") / "more.safetensors").symlink_to("/etc/passwd")
    code, found = audit()
    assert code == 4
    assert states(found) == {
        "bare": "unsigned",
        "good": "verified",
        "link": "unsafe",
        "missed": "failed",
        "other": "refused",
        "poor": "signed",
    }
    by = {model["path"]: model for model in found["models"]}
    codes = {path: model["code"] for path, model in by.items()}
    assert (codes["other"], codes["link"], codes["poor"]) == ("E403", "E205", "E409")
    assert "perplexity.ratio" in by["missed"]["reason"]
    assert [path for path, model in by.items() if model["signed"]] == ["good", "missed", "poor"]
    assert found["totals"]["failed"] == {"models": 1, "share": "0.166666667"}


@pytest.mark.parametrize(
    ("run", "code"), [("run", 0), ("failing", 1), (None, 3)], ids=["pass", "fail", "unsigned"]
)
def test_exit_codes(made: Scene, models: Path, audit: Audit, run: str | None, code: int) -> None:
    put(made, models / "one", run)
    put(made, models / "two")
    assert audit()[0] == code


def test_nothing_found_is_not_green(audit: Audit) -> None:
    assert audit() == (3, audit()[1])


def test_without_a_bar_the_best_is_signed(made: Scene, models: Path, audit: Audit) -> None:
    put(made, models / "one", "failing")
    for more in ((), ("--level", "bound")):
        code, found = audit(*more, bar=False)
        assert (code, states(found)) == (3, {"one": "signed"})


def test_an_untrusted_key(made: Scene, models: Path, audit: Audit, tmp_path: Path) -> None:
    put(made, models / "one")
    assert main(["key", "new", str(tmp_path / "stranger")]) == 0
    code, found = audit("--key", str(tmp_path / "stranger.pub"))
    assert code == 0  # the trusted key is among those named
    place = models / "two"
    put(made, place)
    (place / ".invarlock/attestation.sigstore.json").unlink()
    assert main(["attest", str(place / ".invarlock"), "--key", str(tmp_path / "stranger")]) == 0
    code, found = audit()
    assert (code, states(found)) == (4, {"one": "verified", "two": "refused"})
    assert found["models"][1]["signed"] is False


def test_a_failure_is_not_outvoted(made: Scene, models: Path, audit: Audit) -> None:
    place = put(made, models / "one", "failing", within=".invarlock/first")
    shutil.copytree(made.root / "run.kept", place / ".invarlock/second")
    code, found = audit()
    assert (code, states(found), found["models"][0]["others"]) == (1, {"one": "failed"}, 1)


def test_rubbish_beside_does_not_hide_a_pass(made: Scene, models: Path, audit: Audit) -> None:
    rubbish = put(made, models / "one", within=".invarlock/run") / ".invarlock/a"
    rubbish.mkdir()
    (rubbish / "attestation.sigstore.json").write_text("{}")
    assert audit()[0] == 0


def test_attestations_are_found_by_subject(
    made: Scene, models: Path, audit: Audit, tmp_path: Path
) -> None:
    put(made, models / "one", None)
    (put(made, models / "two", None) / "model.safetensors").write_bytes(b"others")
    store = tmp_path / "store" / "deep"
    shutil.copytree(made.root / "run.kept", store / "run")
    code, found = audit("--attestations", str(store.parent))
    assert (code, states(found)) == (3, {"one": "verified", "two": "unsigned"})
    (store / "broken.sigstore.json").write_text("[")
    (store / "linked.sigstore.json").symlink_to(store / "run" / "attestation.sigstore.json")
    code, found = audit("--attestations", str(store.parent))
    assert [place["path"].rsplit("/", 1)[1] for place in found["skipped"]] == [
        "broken.sigstore.json",
        "linked.sigstore.json",
    ]


def test_a_hostile_tree_is_bounded(made: Scene, models: Path, audit: Audit) -> None:
    put(made, models / "good")
    (models / "up").symlink_to(models)
    os.mkfifo(models / "config.json")
    (models / "outside").symlink_to(made.root)
    deep = models / "deep"
    for _ in range(40):
        deep = deep / "d"
    deep.mkdir(parents=True)
    put(made, deep / "hidden", None)
    for at in range(2000):
        (models / f"empty-{at}").mkdir()
    fifo = put(made, models / "fifo", None)
    os.mkfifo(fifo / "model-2.safetensors")
    bundle = put(made, models / "piped", None) / ".invarlock"
    bundle.mkdir()
    os.mkfifo(bundle / "attestation.sigstore.json")
    odd = put(made, models / "odd\x1b[31m")
    code, found = audit()
    assert code == 5
    assert states(found) == {
        "fifo": "unsafe",
        "good": "verified",
        "odd\\x1b[31m": "verified",
        "piped": "unsigned",
    }
    assert odd.exists()
    assert [(place["path"][:7], place["reason"]) for place in found["skipped"]] == [
        ("deep/d/", "nested deeper than 32 folders"),
        ("outside", "a link to a folder that was not looked into"),
    ]


def test_table_and_metrics(
    made: Scene, models: Path, audit: Audit, capsys: pytest.CaptureFixture[str]
) -> None:
    put(made, models / 'quo"te')
    put(made, models / "bare", None)
    words = ["audit", str(models), "--key", str(made.root / "key.pub")]
    words += ["--policy", str(made.request.policy)]
    assert main(words) == 3
    table = capsys.readouterr().out
    assert "unsigned    bare" in table
    assert re.search(r"verified +1 +50\.0%", table)
    assert main([*words, "--format", "openmetrics"]) == 3
    text = capsys.readouterr().out
    assert text.endswith("# EOF\n")
    assert 'invarlock_audit_share{state="verified"} 0.5\n' in text
    assert 'invarlock_audit_model{path="quo\\"te",state="verified",' in text


def test_what_the_consumer_names_must_be_there(
    made: Scene, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = str(made.root / "key.pub")
    for words, code, error in (
        ([str(models / "absent"), "--key", key], 6, "E601"),
        ([str(models)], 2, "E701"),
        ([str(models), "--key", str(made.root / "no.pub")], 6, "E601"),
        ([str(models), "--key", key, "--attestations", str(models / "absent")], 6, "E601"),
    ):
        assert main(["audit", *words]) == code, words
        assert error in capsys.readouterr().err


def test_no_time_is_proven_of_a_key(made: Scene, models: Path, audit: Audit) -> None:
    put(made, models / "one")
    code, found = audit("--max-age", "90d")
    assert (code, states(found)) == (3, {"one": "undecided"})
    assert "how old" in found["models"][0]["reason"]


# --- what somebody arranged so that it is not looked at ------------------------------------------

MAX_EACH, MAX_TRIED = 3, 6


@pytest.fixture
def soon_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that are reached in no time."""
    monkeypatch.setattr("invarlock.verify.audit.engine.MAX_EACH", MAX_EACH)
    monkeypatch.setattr("invarlock.verify.audit.engine.MAX_TRIED", MAX_TRIED)


def copies(made: Scene, place: Path, count: int, data: bytes | None = None) -> None:
    """``count`` folders with a bundle: the passing run's, or ``data``."""
    bundle = (made.root / "run.kept/attestation.sigstore.json").read_bytes()
    for at in range(count):
        (place / f"{at:04}").mkdir(parents=True)
        (place / f"{at:04}/attestation.sigstore.json").write_bytes(data or bundle)


@pytest.mark.usefixtures("soon_full")
def test_filler_beside_does_not_crowd_out_the_consumers_own(
    made: Scene, models: Path, audit: Audit, tmp_path: Path
) -> None:
    place = put(made, models / "one")
    copies(made, place / ".invarlock", MAX_EACH)
    store = ("--attestations", str(tmp_path / "store"))
    shutil.copytree(made.root / "failing.kept", tmp_path / "store/failing")
    code, found = audit(*store)
    (model,) = found["models"]
    assert (code, model["state"], model["others"]) == (1, "failed", MAX_EACH - 1)
    assert "perplexity.ratio" in model["reason"]
    shutil.rmtree(place / ".invarlock/0000")  # the same without the store, and within the limit
    assert audit()[0] == 0


@pytest.mark.usefixtures("soon_full")
def test_more_by_trusted_signers_than_are_looked_at_is_undecided(
    made: Scene, models: Path, audit: Audit
) -> None:
    place = put(made, models / "one")
    copies(made, place / ".invarlock", MAX_EACH)
    shutil.copytree(made.root / "failing.kept", place / ".invarlock/9999")
    code, found = audit()
    (model,) = found["models"]
    assert (code, model["state"], model["code"]) == (3, "undecided", "E208")
    assert "more than 3 attestations" in model["reason"]
    shutil.rmtree(place / ".invarlock/0000")
    shutil.rmtree(place / ".invarlock/0001")
    assert audit()[0] == 1  # the failing one is the last that is looked at


@pytest.mark.usefixtures("soon_full")
def test_what_nobody_signed_takes_no_room(made: Scene, models: Path, audit: Audit) -> None:
    place = put(made, models / "one", None)
    beside = models / "one.invarlock"
    copies(made, beside, MAX_TRIED - 1, b"{}")
    shutil.copytree(made.root / "failing.kept", beside / "9999")
    code, found = audit()
    assert (code, states(found), found["models"][0]["others"]) == (1, {"one": "failed"}, 5)
    copies(made, place / ".invarlock", 1, b"{}")
    code, found = audit()
    assert (code, states(found), found["models"][0]["code"]) == (3, {"one": "undecided"}, "E208")


def test_too_many_names_beside_are_undecided(
    made: Scene, models: Path, audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = put(made, models / "one")
    names = len(list((place / ".invarlock").iterdir()))
    monkeypatch.setattr("invarlock.verify.audit.attached.MAX_LISTED", names)
    assert audit()[0] == 0
    (place / ".invarlock/more").mkdir()
    code, found = audit()
    assert (code, states(found), found["models"][0]["code"]) == (3, {"one": "undecided"}, "E208")


def test_where_a_link_leads_is_said(made: Scene, models: Path, audit: Audit) -> None:
    put(made, models / "v1")
    (models / "current").symlink_to("v1")
    (models / "notes").symlink_to(made.root / "key.pub")
    code, found = audit()
    assert (code, found["skipped"]) == (0, [])
    (models / "prod").symlink_to(made.root / "subject")
    (models / "gone").symlink_to("nowhere")
    (models / "part").symlink_to("v1/.invarlock")
    code, found = audit()
    assert (code, states(found)) == (3, {"v1": "verified"})
    said = {place["path"]: place["reason"] for place in found["skipped"]}
    assert said == {
        "gone": "a link to nothing that could be looked at",
        "part": "a link to a folder that was not looked into",
        "prod": "a link to a folder that was not looked into",
    }


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.GGUF", "x.onnx", "x.pt", "x.pth"])
def test_weights_of_other_formats_are_models(
    made: Scene, models: Path, audit: Audit, name: str
) -> None:
    put(made, models / "good")
    (models / "other").mkdir()
    (models / "other/README").touch()
    assert audit()[0] == 0
    (models / "other" / name).write_bytes(b"GGUF")
    code, found = audit()
    assert (code, states(found)) == (3, {"good": "verified", "other": "unsigned"})


def test_the_folder_audited_may_be_the_model(
    made: Scene, models: Path, audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = put(made, models / "one", None)
    shutil.copytree(made.root / "run.kept", models / "one.invarlock")
    key = str(made.root / "key.pub")
    monkeypatch.chdir(place)
    assert main(["audit", ".", "--key", key, "--policy", str(made.request.policy)]) == 0
