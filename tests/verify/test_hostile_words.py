"""Words that nobody signed, and paths that are no text, in what commands print."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from invarlock.attest.bundle import parse_bundle, verify_signature
from invarlock.attest.keys import load_public
from invarlock.cli import main
from tests.conftest import ROOT
from tests.verify.runs import Scene, case, documents, make_scene, report_of, signed

SCHEMA = json.loads((ROOT / "attest/schemas/verification.schema.json").read_bytes())
HOSTILE = "\x1b]0;owned\x07\x1b[2J\u202eevil\x9b31m\nPASS  all good"
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = make_scene(tmp_path)
    files = documents(case())
    report = report_of(files).encode()
    scene.publish(files, report, signed(report))
    return scene


def bundle(scene: Scene) -> Path:
    return scene.root / "run/attestation.sigstore.json"


def changed(scene: Scene, **values: Any) -> Path:
    """The bundle with other values at its top."""
    path = scene.root / "changed.json"
    path.write_text(json.dumps({**json.loads(bundle(scene).read_bytes()), **values}))
    return path


def verify(scene: Scene, path: Path, *more: str, subject: Path | None = None) -> list[str]:
    words = ["verify", str(path), "--key", str(scene.root / "key.pub")]
    words += ["--subject", str(subject or scene.root / "subject"), "--run", str(scene.root / "run")]
    return [*words, *more]


def watch(scene: Scene, path: Path) -> list[str]:
    words = ["watch", str(scene.root / "subject"), "--attestation", str(path), "--once"]
    return [*words, "--key", str(scene.root / "key.pub")]


def harmless(text: str) -> bool:
    """Whether ``text`` steers no terminal and has no line that somebody else wrote."""
    plain = all(char.isprintable() or char == "\n" for char in text)
    return plain and not any(line.startswith("PASS") for line in text.splitlines())


def test_words_of_a_bundle_steer_no_terminal(scene: Scene, capsys: Capture) -> None:
    assert main(watch(scene, bundle(scene))) == 0
    for path in (changed(scene, mediaType=HOSTILE), changed(scene, **{HOSTILE: 1})):
        assert main(watch(scene, path)) == 4
        out, err = capsys.readouterr()
        assert "[INVARLOCK:E40" in err
        assert "\\x1b]0;owned" in err
        assert err.count("\n") == 1
        assert harmless(out + err)
        assert main(verify(scene, path)) == 4
        assert harmless(capsys.readouterr().out)


def test_words_of_a_report_steer_no_terminal(scene: Scene, capsys: Capture) -> None:
    root, run = scene.root, scene.root / "run"
    key = ("--key", str(root / "key"))
    sign = ("attest", str(run), *key, "--out")
    assert main([*sign, str(root / "control.json")]) == 0
    report = run / "evaluation.report.json"
    report.write_text(json.dumps({**json.loads(report.read_bytes()), HOSTILE: 1}))
    capsys.readouterr()
    for words in (
        (*sign, str(root / "out.json")),
        ("evidence", "disclose", str(run), "--windows", "0", "-o", str(root / "shown")),
        ("report", "html", str(run)),
        ("advanced", "link", *key, "--links", str(root / "links"), *sign, str(root / "o.json")),
    ):
        assert main(list(words)) == 4, words
        out, err = capsys.readouterr()
        assert "[INVARLOCK:E405]" in err, words
        assert harmless(out + err), words


@pytest.mark.parametrize("form", ["text", "json", "sarif"])
@pytest.mark.parametrize("where", ["mediaType", "field", "payloadType", "key twice"])
def test_an_endless_word_is_cut(scene: Scene, capsys: Capture, form: str, where: str) -> None:
    word = "A" * 1_000_000
    envelope = json.loads(bundle(scene).read_bytes())["dsseEnvelope"]
    match where:
        case "mediaType":
            path = changed(scene, mediaType=word)
        case "field":
            path = changed(scene, **{word: 1})
        case "payloadType":
            path = changed(scene, dsseEnvelope={**envelope, "payloadType": word})
        case _:
            path = scene.root / "changed.json"
            path.write_text(f'{{"{word}": 1, "{word}": 2}}')
    assert main(verify(scene, path, "--format", form)) == 4
    assert len(capsys.readouterr().out) < 10_000


def test_an_endless_payload_type_is_cut_though_it_is_signed(scene: Scene) -> None:
    from invarlock.attest.bundle import check_payload_type
    from invarlock.errors import VerificationFault

    good = parse_bundle(bundle(scene).read_bytes())
    assert verify_signature(good, (load_public(scene.root / "key.pub"),))
    path = changed(
        scene,
        dsseEnvelope={
            **json.loads(bundle(scene).read_bytes())["dsseEnvelope"],
            "payloadType": "A" * 1_000_000,
        },
    )
    with pytest.raises(VerificationFault) as caught:
        check_payload_type(parse_bundle(path.read_bytes()))
    assert caught.value.code == "E402"
    assert len(caught.value.message) < 500


def test_no_word_becomes_a_link_in_sarif(scene: Scene, capsys: Capture) -> None:
    path = changed(scene, mediaType="[the report](https://evil.example/) ![i](x) {0} \\")
    assert main(verify(scene, path, "--format", "sarif")) == 4
    log = json.loads(capsys.readouterr().out)
    (text,) = (
        result["message"]["text"]
        for result in log["runs"][0]["results"]
        if result["ruleId"] == "E402"
    )
    assert "\\[the report\\](https://evil.example/) !\\[i\\](x) {{0}} \\\\" in text
    assert main(verify(scene, changed(scene, mediaType="plain"), "--format", "sarif")) == 4
    assert "media type is `plain`" in capsys.readouterr().out


@pytest.mark.parametrize("form", ["text", "json", "sarif"])
def test_paths_need_be_no_text(scene: Scene, capsys: Capture, form: str) -> None:
    """As names that no decoder knows, a file of each kind is still read, or missed, as before."""
    root = scene.root

    def odd(name: str) -> Path:
        return Path(os.fsdecode(os.fsencode(root / name) + b"\xff"))

    shutil.copy(bundle(scene), odd("bundle"))
    shutil.copytree(root / "subject", odd("subject"))
    shutil.copytree(root / "run", odd("run"))
    shutil.copy(root / "bar.invar", odd("bar"))
    name = str(scene.request.policy).rpartition("#")[2]
    summary = ("--summary", str(root / "summary.json"), "--summary-key", str(root / "key"))
    end = ("--policy", f"{odd('bar')}#{name}", "--format", form)
    words = verify(scene, odd("bundle"), *summary, *end, subject=odd("subject"))
    words += ["--run", str(odd("run"))]
    assert main(words) == 0
    out = capsys.readouterr().out
    out.encode()
    if form == "json":
        found = json.loads(out)
        jsonschema.validate(found, SCHEMA)
        assert found["signers"][0]["bundle"].endswith("bundle\\udcff")
    assert (root / "summary.json").is_file()
    (odd("run") / "evidence/evidence.json").unlink()
    (root / "summary.json").unlink()
    assert main(words) == 3
    assert main([*verify(scene, odd("absent")), "--format", form]) == 6
    assert main([*verify(scene, bundle(scene), subject=odd("absent")), "--format", form]) == 6
    capsys.readouterr().out.encode()
