"""The second implementation of the digest, in JavaScript: it agrees, and refuses what is no IR."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from invarlock.canonical import canonical_bytes, digest_json
from invarlock.data import data_folder
from invarlock.policy import load_policy

GRAMMAR = data_folder("grammar")
PROGRAM = GRAMMAR / "check" / "check.mjs"
SHIPPED = sorted(data_folder("policies").rglob("*.invar"))
Ir = dict[str, Any]


def check(*arguments: object) -> tuple[int, list[dict[str, Any]]]:
    """Exit code of the program and its answers."""
    done = subprocess.run(
        ["node", PROGRAM, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_it_gives_the_digests_of_the_whole_corpus() -> None:
    code, answers = check("--corpus", GRAMMAR / "accept")
    assert [answer for answer in answers if "refused" in answer] == []
    assert code == 0
    assert len(answers) == len(list((GRAMMAR / "accept").glob("*.invar")))


def test_it_gives_the_digests_of_the_shipped_policies_and_their_bars(tmp_path: Path) -> None:
    assert SHIPPED
    wanted = []
    files = []
    for number, path in enumerate(SHIPPED):
        ir = load_policy(path).ir
        bars = {name: bar.digest for name, bar in ir.bars.items()}
        files.append(tmp_path / f"{number}.json")
        # Layout and order of keys are not the digest's business.
        files[-1].write_text(json.dumps(ir.document(), indent=3, sort_keys=False))
        wanted.append({"file": str(files[-1]), "policy": ir.digest, "bars": bars})
        name, bar = next(iter(ir.bars.items()))
        files.append(tmp_path / f"{number}-bar.json")
        files[-1].write_bytes(canonical_bytes(bar.document()))
        wanted.append({"file": str(files[-1]), "bar": bars[name]})
    assert check(*files) == (0, wanted)


def _set(*path: str | int, to: object) -> Callable[[Ir], None]:
    def edit(ir: Ir) -> None:
        *way, last = path
        place: Any = ir
        for step in way:
            place = place[step]
        place[last] = to

    return edit


def _drop(*path: str | int) -> Callable[[Ir], None]:
    def edit(ir: Ir) -> None:
        *way, last = path
        place: Any = ir
        for step in way:
            place = place[step]
        del place[last]

    return edit


def _reverse(*path: str | int) -> Callable[[Ir], None]:
    def edit(ir: Ir) -> None:
        place: Any = ir
        for step in path:
            place = place[step]
        place.reverse()

    return edit


KEY = "sha256:" + "0" * 64
WORKFLOW = {"kind": "workflow", "repository": "r", "workflow": "w", "ref": "*", "issuer": "i"}
BAR: Ir = {
    "ir": "invarlock.bar/1",
    "task": "causal_lm",
    "settings": {"estimate.seed": "7", "windows.schedule": "baseline"},
    "gates": [
        {
            "measure": "kl.mean",
            "statistic": "estimate",
            "target": {"kind": "slice", "name": "code"},
            "level": "warn",
            "relation": {
                "kind": "interval",
                "low": "-0.5",
                "low_closed": True,
                "high": "1",
                "high_closed": False,
            },
        },
        {
            "measure": "runtime.isolation",
            "statistic": "estimate",
            "target": None,
            "level": "require",
            "relation": {"kind": "member", "values": ["host", "sandbox"]},
        },
        {
            "measure": "signature.by",
            "statistic": "estimate",
            "target": None,
            "level": "require",
            "relation": {"kind": "signers", "rules": [WORKFLOW, {"kind": "key", "key": KEY}]},
        },
    ],
}
RELATION = ("gates", 0, "relation")

MOVED = {
    "task": _set("task", to="other"),
    "setting": _set("settings", "estimate.seed", to="8"),
    "setting removed": _drop("settings", "estimate.seed"),
    "measure": _set("gates", 0, "measure", to="kl.p99"),
    "statistic": _set("gates", 0, "statistic", to="point"),
    "level": _set("gates", 0, "level", to="require"),
    "target": _set("gates", 0, "target", to=None),
    "slice": _set("gates", 0, "target", "name", to="Code"),
    "low end": _set(*RELATION, "low", to="-0.51"),
    "openness": _set(*RELATION, "high_closed", to=True),
    "no high end": lambda ir: ir["gates"][0]["relation"].update(high=None, high_closed=True),
    "words": _set("gates", 1, "relation", "values", to=["sandbox"]),
    "gate removed": _drop("gates", 1),
    "key": _set("gates", 2, "relation", "rules", 1, "key", to=KEY.replace("0", "1")),
    "ref": _set("gates", 2, "relation", "rules", 0, "ref", to="refs/*"),
}

REFUSED = {
    "another version": _set("ir", to="invarlock.bar/2"),
    "unknown key": _set("name", to="x"),
    "unknown key in a gate": _set("gates", 0, "why", to=""),
    "unknown key in a relation": _set(*RELATION, "unit", to="nats"),
    "missing key": _drop("task"),
    "missing end": _drop(*RELATION, "low"),
    "no gates": _set("gates", to=[]),
    "nothing required": _set("gates", to=BAR["gates"][:1]),
    "number for a decimal": _set(*RELATION, "low", to=-1),
    "number for a setting": _set("settings", "estimate.seed", to=7),
    "exponent": _set(*RELATION, "low", to="-5e-1"),
    "trailing zero": _set(*RELATION, "low", to="-0.50"),
    "leading zero": _set(*RELATION, "high", to="01"),
    "plus": _set(*RELATION, "high", to="+1"),
    "no whole part": _set(*RELATION, "low", to="-.5"),
    "minus zero": _set(*RELATION, "low", to="-0"),
    "digits of another script": _set(*RELATION, "high", to="\u0661"),
    "a line end": _set(*RELATION, "high", to="1\n"),
    "ends exchanged": _set(*RELATION, "high", to="-0.75"),
    "empty": _set(*RELATION, "high", to="-0.5"),
    "no ends": lambda ir: ir["gates"][0]["relation"].update(low=None, high=None, high_closed=True),
    "absent end that is open": _set(*RELATION, "high", to=None),
    "unknown level": _set("gates", 0, "level", to="forbid"),
    "unknown statistic": _set("gates", 0, "statistic", to="mean"),
    "unknown kind of relation": _set(*RELATION, "kind", to="range"),
    "unknown kind of target": _set("gates", 0, "target", "kind", to="part"),
    "empty slice": _set("gates", 0, "target", "name", to=""),
    "words out of order": _reverse("gates", 1, "relation", "values"),
    "a word twice": _set("gates", 1, "relation", "values", to=["host", "host"]),
    "no words": _set("gates", 1, "relation", "values", to=[]),
    "gates out of order": _reverse("gates"),
    "a gate twice": lambda ir: ir["gates"].insert(0, copy.deepcopy(ir["gates"][0])),
    "rules out of order": _reverse("gates", 2, "relation", "rules"),
    "no rules": _set("gates", 2, "relation", "rules", to=[]),
    "two stars": _set("gates", 2, "relation", "rules", 0, "ref", to="refs/**"),
    "a rule that another covers": _set(
        "gates", 2, "relation", "rules", to=[WORKFLOW, {**WORKFLOW, "ref": "main"}]
    ),
    "a blank in a glob": _set("gates", 2, "relation", "rules", 0, "ref", to="refs /"),
    "empty glob": _set("gates", 2, "relation", "rules", 0, "ref", to=""),
    "missing part of a workflow": _drop("gates", 2, "relation", "rules", 0, "issuer"),
    "short key": _set("gates", 2, "relation", "rules", 1, "key", to="sha256:00"),
}

MALFORMED = {
    "duplicate key": b'{"ir":"invarlock.bar/1","ir":"invarlock.bar/1"}',
    "no object": b"[]",
    "byte order mark": b"\xef\xbb\xbf{}",
    "not UTF-8": b'{"\xff":1}',
    "lone surrogate": b'{"\\ud800":1}',
    "fraction": b'{"language":1.0}',
    "unsafe number": b'{"language":9007199254740993}',
    "trailing comma": b'{"a":1,}',
    "two documents": b"{}{}",
    "nothing": b"",
    "deep": b"[" * 100_000,
}


def edited(edit: Callable[[Ir], None]) -> Ir:
    ir = copy.deepcopy(BAR)
    edit(ir)
    return ir


def test_every_change_of_an_ir_moves_the_digest(tmp_path: Path) -> None:
    irs = {"as it is": BAR} | {name: edited(edit) for name, edit in MOVED.items()}
    files = _written(tmp_path, {name: json.dumps(ir).encode() for name, ir in irs.items()})
    code, answers = check(*files)
    assert code == 0
    assert [answer["bar"] for answer in answers] == [digest_json(ir) for ir in irs.values()]
    assert len({answer["bar"] for answer in answers}) == len(irs)


def test_what_is_no_canonical_ir_is_refused(tmp_path: Path) -> None:
    texts = {name: json.dumps(edited(edit)).encode() for name, edit in REFUSED.items()}
    files = _written(tmp_path, texts | MALFORMED)
    code, answers = check(*files)
    assert code == 1
    accepted = [answer["file"] for answer in answers if "refused" not in answer]
    assert accepted == []
    assert len(answers) == len(files)


def _written(folder: Path, texts: dict[str, bytes]) -> list[Path]:
    paths = [folder / f"{name.replace(' ', '-')}.json" for name in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        path.write_bytes(text)
    return paths


def test_a_policy_whose_bar_was_tampered_with_has_another_digest(tmp_path: Path) -> None:
    golden = json.loads((GRAMMAR / "accept" / "refinement.json").read_text("utf-8"))
    before = golden["policy_digest"]
    gate = golden["ir"]["bars"]["wide"]["gates"][1]
    assert gate["relation"]["high"] == "1.2"
    gate["relation"]["high"] = "1.3"
    ir = tmp_path / "ir.json"
    ir.write_text(json.dumps(golden["ir"]))
    code, (answer,) = check(ir)
    assert code == 0
    assert answer["policy"] != before
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "tampered.json").write_text(json.dumps(golden))
    code, (answer,) = check("--corpus", folder)
    assert (code, answer["refused"]) == (1, "the digests differ")


@pytest.mark.parametrize("arguments", [(), ("--corpus",)])
def test_nothing_to_check_is_a_usage_error(arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        ["node", PROGRAM, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ")
