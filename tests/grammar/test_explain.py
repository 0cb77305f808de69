"""``invarlock policy explain``: a page for every code, whose examples do what they claim."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from invarlock.authoring.explain import Page, explain
from invarlock.cli import main
from invarlock.data import data_folder
from invarlock.errors import CODES, EXIT_PASS, EXIT_USAGE
from tests.grammar.support import OF_COMMANDS, codes_of

PAGES = data_folder("grammar") / "explain"
POLICY_SECTIONS = ["", "Why it matters", "Wrong", "Right", "What to do"]
OTHER_SECTIONS = ["", "Cause", "What to do"]
# Codes that a command gives for a policy that compiles, or is none: what to run, and on what.
BY_COMMAND = {
    "E130": "invarlock policy test sample.invar",
    "E131": "invarlock policy test sample.invar",
    "E133": "invarlock policy lint --rule digit-groups sample.invar",
    "E134": "",  # its examples are the commands, as those of the next
    "E137": "",
}
PROSE = {
    "E110": "no part of this version gives it; the number stays taken",
    "E132": "a defect of the formatter gives it: an example would be a defect to keep",
    "E135": "it takes a git repository that lacks a revision, which no page can hold",
}
WITH_EXAMPLES = sorted(code for code in CODES if explain(code).examples)


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert sorted(path.name for path in PAGES.iterdir()) == sorted(f"{code}.md" for code in CODES)


@pytest.mark.parametrize("code", sorted(CODES))
def test_a_page_is_titled_and_whole(code: str) -> None:
    page = explain(code)
    assert (page.code, page.title) == (code, CODES[code].title)
    headings = [heading for heading, _ in page.sections]
    assert headings == (POLICY_SECTIONS if code in WITH_EXAMPLES else OTHER_SECTIONS)
    assert all(text for _, text in page.sections)
    assert page.text.count("```") == 2 * len(page.examples)


def test_all_codes_that_a_policy_gives_have_examples() -> None:
    language = {code for code in CODES if code.startswith("E1")} | {"E004"}
    assert {*BY_COMMAND, *PROSE} == OF_COMMANDS
    assert set(WITH_EXAMPLES) == language - set(PROSE)


@pytest.mark.parametrize("code", [code for code in WITH_EXAMPLES if code not in BY_COMMAND])
def test_the_wrong_example_gives_the_code_and_the_right_one_compiles_without(code: str) -> None:
    page = explain(code)
    files = {example.name: example.source for example in page.examples if example.kind == "file"}
    (wrong,) = _sources(page, "wrong")
    (right,) = _sources(page, "right")
    assert code in codes_of(wrong, files)
    given = codes_of(right, files)
    assert code not in given
    assert "error" not in given.values()


@pytest.mark.parametrize("code", BY_COMMAND)
def test_the_command_gives_the_code_for_the_wrong_example_only(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for kind in ("wrong", "right"):
        (example,) = _sources(explain(code), kind)
        folder = tmp_path / kind
        folder.mkdir()
        monkeypatch.chdir(folder)
        if BY_COMMAND[code]:
            Path("sample.invar").write_text(example)
        exits = [_run(line) for line in (BY_COMMAND[code] or example).splitlines()]
        taken = capsys.readouterr()
        given = f"[INVARLOCK:{code}]" in taken.out + taken.err
        assert given == (kind == "wrong")
        assert kind == "wrong" or set(exits) == {EXIT_PASS}


def _run(line: str) -> int:
    program, *words = shlex.split(line)
    assert program == "invarlock"
    return main(words)


def _sources(page: Page, kind: str) -> list[str]:
    return [example.source for example in page.examples if example.kind == kind]


@pytest.mark.parametrize("word", ["E106", "e106", "INVARLOCK:E106", "[INVARLOCK:E106]"])
def test_a_code_is_explained_however_it_is_copied(
    word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["policy", "explain", word]) == EXIT_PASS
    out, err = capsys.readouterr()
    assert out.startswith("# E106: weaker than what it refines\n")
    assert err == ""


def test_a_page_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "explain", "E106", "--format", "json"]) == EXIT_PASS
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "invarlock.policy.explain/1"
    assert (document["code"], document["title"]) == ("E106", CODES["E106"].title)
    assert [section["heading"] for section in document["sections"]] == POLICY_SECTIONS
    assert {example["kind"] for example in document["examples"]} == {"wrong", "right"}


def test_without_a_code_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "explain"]) == EXIT_PASS
    lines = capsys.readouterr().out.splitlines()
    assert [line[:4] for line in lines] == sorted(CODES)
    assert main(["policy", "explain", "--format", "json"]) == EXIT_PASS
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "invarlock.policy.codes/1"
    assert [entry["code"] for entry in document["codes"]] == sorted(CODES)


@pytest.mark.parametrize(
    ("word", "hint"),
    [("E199", "did you mean `E1"), ("weaker", "lists all codes"), ("", "lists all codes")],
)
def test_an_unknown_code_is_a_usage_error(
    word: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["policy", "explain", word]) == EXIT_USAGE
    err = capsys.readouterr().err
    assert err.startswith(f"invarlock: [INVARLOCK:E701] there is no code `{word}`; ")
    assert hint in err


def test_an_installation_without_a_page_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("invarlock.data._PACKAGE", tmp_path / "invarlock")
    assert main(["policy", "explain", "E106"]) == 70
    assert "[INVARLOCK:E901] the page of `E106` is missing" in capsys.readouterr().err
