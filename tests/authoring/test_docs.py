"""`invarlock policy docs`: every gate in words, and nobody's text as markup."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from invarlock.authoring.docs import markdown
from invarlock.cli import main
from invarlock.policy import load_policy
from invarlock.present.markdown_text import block, code, inline
from tests.conftest import ROOT
from tests.policy.support import compiled

STANDARD = ROOT / "policies" / "causal_lm.invar"
HOSTILE = """invar 1
policy sample "1.0.0"  # <img src=x>
about = "[click](https://evil.example) <script>alert(1)</script> @everyone #1 | `x` www.evil.org"
task = causal_lm
# ``` breaks out
# ````html
# <b>of the block</b>
tier t {
  require perplexity.ratio on "a|b `c` <i>" <= 1.10  # because | of [this](http://evil.example)
}
test "| x | <br> *y*" { given perplexity.ratio on "a|b `c` <i>" = 1.2; expect fail }
"""


def test_every_gate_tier_and_digest_is_on_the_page() -> None:
    found = load_policy(STANDARD)
    page = markdown(found, "causal_lm.invar")
    assert page.startswith("# causal\\_lm 1.0.0\n\nDid a weight edit ")
    assert (
        "| require | `perplexity.ratio` | `<= 1.10` | subject's perplexity over baseline's, paired "
        "and token-weighted: all of the 95% interval is at most 1.1 | published; "
        "embedding-row is at 1.05 \\[1.04, 1.06\\] | "
    ) in page
    assert "## Tier `balanced`, refines `aggressive`" in page
    for name, bar in found.ir.bars.items():
        assert f"| `{name}` | `{bar.digest}` |" in page
    source = (ROOT / "policies" / "causal_lm.invar").read_text("utf-8")
    written = len(re.findall(r"(?m)^\s*(?:require|warn) ", source))
    assert page.count("| require | ") + page.count("| warn | ") == written
    assert page.count("`expect") == 0
    assert "| by its averages sly would fail conservative | `conservative+dev` |" in page


def test_hostile_text_stays_text() -> None:
    page = markdown(compiled(HOSTILE), "<x>|.invar")
    for line in page.splitlines():
        if line.startswith("|"):
            bare = line.replace("\\|", "")
            assert bare.count("|") in {3, 5, 7}, line
    outside = re.sub(r"\\.", "", _without_code(page))
    for markup in (
        "<script",
        "<img",
        "<b>",
        "<i>",
        "](",
        "https://",
        "@everyone",
        " #1",
        "www.evil",
    ):
        assert markup not in outside
    assert "\\<script\\>alert(1)" in page
    assert "~~~" not in page


def _without_code(page: str) -> str:
    """The page without fenced blocks and code spans, read as GFM reads them."""
    lines, fence = [], ""
    for line in page.splitlines():
        ticks = line[: len(line) - len(line.lstrip("`"))]
        if fence:
            fence = "" if line.startswith(fence) and line.strip("`") == "" else fence
        elif len(ticks) >= 3:
            fence = ticks
        else:
            lines.append(line)
    assert not fence
    text, kept = "\n".join(lines).replace("\\`", ""), []
    while "`" in text:
        before, _, text = text.partition("`")
        kept.append(before)
        ticks = "`" * (1 + len(text) - len(text.lstrip("`")))
        text = text.lstrip("`").partition(ticks)[2]
    return "".join([*kept, text])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1. one", "1\\. one"),
        ("- one", "\\- one"),
        ("a\nb", "a b"),
        ("plain, words: (fine)", "plain, words: (fine)"),
    ],
)
def test_starts_of_lines(text: str, shown: str) -> None:
    assert inline(text) == shown


def test_fences_outgrow_what_they_hold() -> None:
    assert code("a``b") == "```a``b```"
    assert code("`a") == "`` `a ``"
    assert block(["````"]).splitlines()[0] == "`````text"


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "docs", str(STANDARD)]) == 0
    page = capsys.readouterr().out
    out = tmp_path / "page.md"
    assert main(["policy", "docs", str(STANDARD), "-o", str(out)]) == 0
    assert out.read_text("utf-8") == page
    assert main(["policy", "docs", str(STANDARD), "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out.removeprefix(f"{out}\n"))
    assert (document["schema"], document["markdown"]) == ("invarlock.policy.docs/1", page)
    assert main(["policy", "docs", str(tmp_path / "absent.invar")]) == 6
