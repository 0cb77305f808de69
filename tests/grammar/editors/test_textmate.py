"""The TextMate grammar colours what the compiler reads: each token, by the compiler's own lexer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from invarlock.policy.catalogue import MEASURES, SETTINGS
from invarlock.policy.lex import END, tokens
from invarlock.policy.names import BLOCKS, STARTERS
from tests.authoring.server.support import HOUSE, WHOLE
from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / "scripts"))
import generate_textmate

PIN = "sha256:" + "0" * 64
EVERYTHING = WHOLE + (
    f'include "house.invar" {PIN} as house\n'
    f"require data.digest in {{{PIN}, {PIN}}}\n"
    "tier a refines house.balanced {\n"
    "  warn kl.mean.point in (0, 5] ; require delta_p.mean > -1 pp\n"
    "}\n"
    f"signer s {{ key = {PIN} }}\n"
    "require signature.by in {s}; require runtime.network == off\n"
    "require runtime.pickle in {off, on}\n"
    "require spectral.shift on attn <= 1_000.5\n"
    'test "t" { given kl.mean = missing; expect incomplete because kl.mean }\n'
)
_SIMPLE = {
    "NUMBER": "constant.numeric",
    "STRING": "string.quoted",
    "DIGEST": "constant.other.digest",
    "PERCENT": "keyword.other.unit",
    "CMP": "keyword.operator",
    "EQUAL": "keyword.operator",
    **dict.fromkeys(("LBRACE", "RBRACE", "LSQB", "RSQB", "LPAR", "RPAR"), "punctuation"),
    **dict.fromkeys(("COMMA", "COLON", "SEMICOLON"), "punctuation"),
}
_UNITS = {"pp", "nats", "tokens", "windows"}


class Scoped(NamedTuple):
    text: str
    scopes: list[str]

    def has(self, name: str) -> bool:
        return any(scope.startswith(name) for scope in self.scopes)


class Colours:
    """What the grammar makes of one text."""

    def __init__(self, rows: list[tuple[int, int, str, list[str]]]) -> None:
        self.rows = rows

    def at(self, line: int, column: int) -> Scoped:
        for row, start, text, scopes in self.rows:
            if row == line and start <= column < start + len(text):
                return Scoped(text, scopes)
        raise AssertionError((line, column))


def colours(extension: Path, folder: Path, *texts: str) -> list[Colours]:
    files = []
    for number, text in enumerate(texts):
        files.append(folder / f"{number}.invar")
        files[-1].write_text(text)
    done = subprocess.run(
        ["node", "test/scopes.mjs", "syntaxes/invar.tmLanguage.json", *files],
        cwd=extension,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return [Colours(rows) for rows in json.loads(done.stdout).values()]


def expected(text: str, before: str) -> str:
    """The scope of a name, by what the language makes of it."""
    if before in {"=", "=="} or (text == "on" and before in {"{", ","}):
        return "constant.language" if text in {"on", "off", "yes"} else ""
    if text in {"invar", "policy", *STARTERS, "because"}:
        return "keyword.control"
    if text in {"refines", "on", "each", "in", "as"}:
        return "keyword"
    if text in MEASURES or text.removesuffix(".point") in MEASURES:
        return "support.function.measure"
    return ""


@pytest.mark.editors
def test_each_token_has_the_scope_of_what_it_is(extension: Path, tmp_path: Path) -> None:
    standard = (ROOT / "policies" / "causal_lm.invar").read_text("utf-8")
    texts = (standard, EVERYTHING, HOUSE)
    checked = 0
    for text, found in zip(texts, colours(extension, tmp_path, *texts), strict=True):
        before = ""
        for token in tokens(text):
            if token.type in {END, "_NL"}:
                continue
            line = text.count("\n", 0, token.start)
            column = token.start - (text.rfind("\n", 0, token.start) + 1)
            scoped = found.at(line, column)
            wanted = _SIMPLE.get(token.type) or expected(token.text, before)
            assert scoped.has(wanted), (line + 1, scoped, wanted)
            assert len(scoped.scopes) > 1, (line + 1, scoped)
            assert not scoped.has("invalid"), (line + 1, scoped)
            before = token.text
            checked += 1
    assert checked > 1000


@pytest.mark.editors
def test_comments_blocks_and_units(extension: Path, tmp_path: Path) -> None:
    (found,) = colours(extension, tmp_path, EVERYTHING)
    for line, row in enumerate(EVERYTHING.split("\n")):
        hash_ = row.find("#")
        if hash_ >= 0:
            assert found.at(line, len(row) - 1).has("comment.line")
        words = row.split()
        if words and words[0] in BLOCKS and row.startswith(words[0]):
            assert found.at(line, 0).has("storage.type.block")
            if words[0] in {"tier", "profile", "signer"}:
                assert found.at(line, len(words[0]) + 1).has("entity.name.type")
        for unit in _UNITS & {word.strip(";,])}") for word in words[1:]}:
            assert found.at(line, row.rindex(unit)).has("keyword.other.unit")


@pytest.mark.editors
def test_every_measure_and_setting_and_nothing_like_them(extension: Path, tmp_path: Path) -> None:
    measures = [*MEASURES, *(f"{m.name}.point" for m in MEASURES.values() if m.interval)]
    wrong = [name + "x" for name in MEASURES] + ["x" + name for name in MEASURES]
    texts = (
        "\n".join(f"require {name} <= 1" for name in measures),
        "\n".join(f"require {name} <= 1" for name in wrong),
        "\n".join(f"{name} = 1" for name in SETTINGS),
    )
    right, like, settings = colours(extension, tmp_path, *texts)
    for line in range(len(measures)):
        assert right.at(line, len("require ")).has("support.function.measure")
    for line in range(len(wrong)):
        assert not like.at(line, len("require ")).has("support.function")
    for line in range(len(SETTINGS)):
        assert settings.at(line, 0).has("variable.other.setting")


@pytest.mark.editors
def test_a_line_that_breaks_off_does_not_colour_the_next(extension: Path, tmp_path: Path) -> None:
    text = 'about = "no end\nrequire kl.mean in [1,\nrequire kl.mean <= 1\n'
    (found,) = colours(extension, tmp_path, text)
    assert found.at(1, 0).has("keyword.control.gate")
    assert found.at(2, 0).has("keyword.control.gate")
    assert found.at(2, 8).has("support.function.measure")


def test_the_catalogue_stands_in_the_grammar() -> None:
    written = generate_textmate.TARGET.read_text("utf-8")
    assert written == generate_textmate.render(), "run scripts/generate_textmate.py"
