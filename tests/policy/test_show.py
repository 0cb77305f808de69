"""`invarlock policy show`: what each gate means, and which block each number came from."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from invarlock.cli import main
from invarlock.policy.show import sheet, show_document, show_text
from invarlock.policy.words import meaning, relation_text
from invarlock.present.policy_show import print_sheet
from tests.conftest import ROOT
from tests.policy.support import compiled

SOURCE = """invar 1
policy sample "1.0.0"
task = causal_lm
windows { length = 128 tokens }
require tokenizer.same == yes
require windows.final >= 64
tier wide {
  require perplexity.ratio <= 1.20
  require delta_p.mean.point in [-1 pp, 1 pp)
}
tier narrow refines wide {
  require perplexity.ratio <= 1.10
  estimate.seed = 7
}
profile ci {
  require windows.final >= 240
  require windows.tokens >= 50_000 tokens
  estimate { confidence = 99% }
}
"""


def gates(name: str) -> dict[str, tuple[str, str]]:
    rows = sheet(compiled(SOURCE), name, "p.invar").gates
    return {row.gate.id: (row.relation, row.source) for row in rows}


def test_where_each_number_came_from() -> None:
    assert gates("narrow+ci") == {
        "delta_p.mean.point": ("in [-1 pp, 1 pp)", "line 9, tier wide, inherited"),
        "perplexity.ratio": ("<= 1.1", "line 12, tier narrow"),
        "tokenizer.same": ("in {yes}", "line 5, top level, inherited"),
        "windows.final": (
            ">= 240 windows",
            "line 16, profile ci, tightens `>= 64 windows` of line 6, top level",
        ),
        "windows.tokens": (">= 50000 tokens", "line 17, profile ci, added"),
    }
    assert gates("wide")["perplexity.ratio"] == ("<= 1.2", "line 8, tier wide")


def test_where_each_setting_came_from() -> None:
    found = {
        row.name: (row.text, row.source)
        for row in sheet(compiled(SOURCE), "narrow+ci", "p").settings
    }
    assert found == {
        "estimate.confidence": ("99%", "line 18, profile ci"),
        "estimate.interval": ("bca", "default"),
        "estimate.looks": ("1", "default"),
        "estimate.minimum": ("16", "default"),
        "estimate.normalise": ("none", "default"),
        "estimate.resample": ("document", "default"),
        "estimate.seed": ("7", "line 13, tier narrow"),
        "estimate.spending": ("none", "default"),
        "model.dtype": ("float32", "default"),
        "spectral.correction": ("bh", "default"),
        "spectral.level": ("5%", "default"),
        "spectral.scale.attn": ("0.005 nats", "default"),
        "spectral.scale.embed": ("0.005 nats", "default"),
        "spectral.scale.ffn": ("0.005 nats", "default"),
        "spectral.scale.other": ("0.005 nats", "default"),
        "windows.beacon": ("none", "default"),
        "windows.content": ("text", "default"),
        "windows.length": ("128 tokens", "line 4, top level"),
        "windows.schedule": ("baseline", "default"),
    }


@pytest.mark.parametrize(
    ("gate", "relation", "words"),
    [
        ("perplexity.ratio <= 1.10", "<= 1.1", "all of the 95% interval is at most 1.1"),
        ("perplexity.ratio.point < 1.10", "< 1.1", "whatever its interval, is below 1.1"),
        ('kl.p99 on "code" > 0.1 nats', "> 0.1 nats", 'slice "code": above 0.1 nats'),
        ("perplexity.drift in (0.9, 1.1]", "in (0.9, 1.1]", "above 0.9 and at most 1.1"),
        ("spectral.shift on attn <= 0.1", "<= 0.1 nats", "attention matrices: at most 0.1 nats"),
        ("spectral.shift on each family <= 0.1", "<= 0.1 nats", "each of 4 families of matrices"),
        ("invariants.structure == 0", "== 0", "baseline: exactly 0"),
        ("runtime.isolation in {sandbox, host}", "in {host, sandbox}", ": host or sandbox"),
    ],
)
def test_gates_in_words(gate: str, relation: str, words: str) -> None:
    source = f'invar 1\npolicy p "1"\ntask = causal_lm\ntier t {{ require {gate} }}\n'
    bar = compiled(source).ir.bars["t"]
    assert relation_text(bar.gates[0]) == relation
    assert words in meaning(bar.gates[0], bar.settings)
    again = source.replace(gate, gate[: gate.index(relation[:2].strip())] + relation)
    assert compiled(again).ir.bars["t"] == bar


def test_json_names_block_and_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "p.invar"
    path.write_text(SOURCE)
    assert main(["policy", "show", f"{path}#narrow+ci", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == json.loads(
        json.dumps(show_document(sheet(compiled(SOURCE), "narrow+ci", str(path))))
    )
    by_id = {gate["id"]: gate for gate in document["gates"]}
    final = by_id["windows.final"]
    assert (final["how"], final["origin"]["scope"]) == ("tightened", "profile ci")
    assert final["origin"]["span"]["line"] == 16
    assert final["instead"]["text"] == ">= 64 windows"
    assert final["instead"]["scope"] == "top level"


def test_a_terminal_shows_the_same_and_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    found = sheet(
        compiled((ROOT / "policies" / "causal_lm.invar").read_bytes()), "balanced+ci", "p"
    )
    plain, rich = io.StringIO(), Terminal()
    print_sheet(found, plain)
    print_sheet(found, rich)
    assert plain.getvalue() == show_text(found) + "\n"
    for row in found.gates:
        assert row.gate.id in rich.getvalue()
        assert row.relation in rich.getvalue()
