"""`invarlock policy compare` as people and pipelines run it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from invarlock.canonical import digest_json
from invarlock.cli import main
from invarlock.policy import compile_policy
from tests.policy.compare.sarif_schema import results_of
from tests.verify.runs import POLICY, case, documents, make_scene, report_of, signed

OLD = """invar 1
policy sample "1.0.0"
task = causal_lm

windows { length = 128 tokens }
require windows.final >= 10

tier loose {
  require kl.mean <= 0.2 nats
}
tier tight refines loose {
  require kl.mean <= 0.1 nats
}
profile dev {
  require windows.preview >= 5
}
"""
LOOSER = OLD.replace("<= 0.1", "<= 0.15").replace('"1.0.0"', '"1.0.1"')
Compare = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "old.invar").write_text(OLD)
    (tmp_path / "new.invar").write_text(LOOSER)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def compare(folder: Path, capfd: pytest.CaptureFixture[str]) -> Compare:
    """Run the command in the folder: exit code, standard output, standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(["policy", "compare", *arguments])
        printed = capfd.readouterr()
        return code, printed.out, printed.err

    return run


def git(*arguments: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(folder: Path) -> Path:
    """A repository: tag `v1` holds the old policy, `main` the looser one, under `policies/`."""
    (folder / "policies").mkdir()
    (folder / "policies" / "release.invar").write_text(OLD)
    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-q", "-m", "one")
    git("tag", "v1")
    (folder / "policies" / "release.invar").write_text(LOOSER)
    git("commit", "-q", "-a", "-m", "two")
    return folder


def test_a_weaker_policy_in_words(compare: Compare) -> None:
    code, out, err = compare("old.invar", "new.invar")
    assert (code, err) == (1, "")
    lines = out.splitlines()
    assert lines[0] == "weaker: the new accepts something that the old refuses"
    assert "weaker  kl.mean  in tight, tight+dev" in lines
    assert "    old  require <= 0.1   old.invar:12:3" in lines
    assert "    new  require <= 0.15  new.invar:12:3" in lines
    assert (
        "    kl.mean of 0.15 nats, interval [0.15, 0.15], passes under the new bar, "
        "not under the old one"
    ) in lines


@pytest.mark.parametrize(
    ("old", "new", "code", "answer"),
    [
        ("old.invar", "old.invar", 0, "equal"),
        ("new.invar", "old.invar", 0, "stricter"),
        ("old.invar#loose", "old.invar#tight", 0, "stricter"),
        ("old.invar#tight+dev", "old.invar#tight", 1, "weaker"),
        ("old.invar#tight", "old.invar#loose+dev", 1, "mixed"),
        ("old.invar#tight", "new.invar", 1, "weaker"),  # the bar of the same name
        ("old.invar", "new.invar#loose", 0, "equal"),
    ],
)
def test_answers_and_exit_codes(
    compare: Compare, old: str, new: str, code: int, answer: str
) -> None:
    found, out, _ = compare(old, new)
    assert (found, out.split(":")[0]) == (code, answer)


def test_another_contract_is_exit_3_and_names_both_places(compare: Compare, folder: Path) -> None:
    (folder / "longer.invar").write_text(OLD.replace("128", "256"))
    code, out, _ = compare("old.invar", "longer.invar")
    assert (code, out.split(":")[0]) == (3, "incomparable")
    assert "    old  128  old.invar:5:11" in out
    assert "    new  256  longer.invar:5:11" in out


def test_a_bar_that_is_gone_is_exit_3(compare: Compare, folder: Path) -> None:
    (folder / "bare.invar").write_text(OLD[: OLD.index("profile")])
    code, out, _ = compare("old.invar", "bare.invar")
    assert code == 3
    assert "removed bar loose+dev: who pins it is left without" in out
    code, out, _ = compare("bare.invar", "old.invar")
    assert (code, out.split(":")[0]) == (0, "equal")
    assert "added bar tight+dev" in out


def test_a_pipe_is_read_once(compare: Compare, folder: Path) -> None:
    """As `<(git show …)` is: there is nothing left to read in it the second time."""
    reading, writing = os.pipe()
    os.write(writing, LOOSER.encode())
    os.close(writing)
    code, out, err = compare("old.invar", f"/dev/fd/{reading}")
    os.close(reading)
    assert (code, out.split(":")[0], err) == (1, "weaker", "")


def test_json(compare: Compare) -> None:
    code, out, err = compare("old.invar", "new.invar", "--format", "json")
    document = json.loads(out)
    assert (code, err, document["schema"]) == (1, "", "invarlock.policy.compare/1")
    assert document["relation"] == "weaker"
    assert document["old"]["digest"] == compile_policy(OLD.encode(), filename="x").ir.digest
    answers = {bar["bar"]: bar["relation"] for bar in document["bars"]}
    assert answers == {
        "loose": "equal", "loose+dev": "equal", "tight": "weaker", "tight+dev": "weaker",
    }  # fmt: skip
    (difference,) = document["bars"][2]["differences"]
    assert difference["key"] == "kl.mean"
    assert difference["old_place"] == {
        "file": "old.invar",
        "span": {"line": 12, "column": 3, "end_line": 12, "end_column": 30},
    }
    (witness,) = difference["witnesses"]
    assert witness["accepted_by"] == "new"
    assert witness["value"]["low"] == "0.15"


def test_sarif(compare: Compare) -> None:
    code, out, _ = compare("old.invar", "new.invar", "--format", "sarif")
    (result,) = results_of(json.loads(out))
    assert (code, result["ruleId"], result["level"]) == (1, "bar-weaker", "error")
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "new.invar"
    assert place["region"]["startLine"] == 12
    related = result["relatedLocations"][0]
    assert related["physicalLocation"]["artifactLocation"]["uri"] == "old.invar"
    assert "0.15" in result["message"]["text"]


def test_a_finding_that_moves_keeps_its_fingerprint(compare: Compare, folder: Path) -> None:
    _, first, _ = compare("old.invar", "new.invar", "--format", "sarif")
    (folder / "new.invar").write_text("# moved\n" + LOOSER)
    _, second, _ = compare("old.invar", "new.invar", "--format", "sarif")
    (one,), (two,) = results_of(json.loads(first)), results_of(json.loads(second))
    assert one["partialFingerprints"] == two["partialFingerprints"]
    assert one["locations"] != two["locations"]


def test_sarif_of_everything_else(compare: Compare, folder: Path) -> None:
    (folder / "other.invar").write_text(
        OLD[: OLD.index("profile")].replace("128", "256").replace("<= 0.1", "<= 0.05")
    )
    _, out, _ = compare("old.invar", "other.invar", "--format", "sarif")
    rules = [result["ruleId"] for result in results_of(json.loads(out))]
    assert rules == ["bar-incomparable", "bar-stricter", "bar-removed", "bar-removed"]


def test_markdown(compare: Compare) -> None:
    code, out, _ = compare("old.invar", "new.invar", "--format", "markdown")
    assert code == 1
    assert out.startswith("## ✗ Policy: weaker\n")
    assert "| `tight` | ✗ weaker |  | 1 |  |" in out
    assert "`require <= 0.1`<br>`old.invar:12:3`" in out
    assert "<details>" not in out


def test_markdown_of_many_differences_is_folded(compare: Compare, folder: Path) -> None:
    slices = "".join(f'  require kl.mean on "s{n}" <= 0.1 nats\n' for n in range(9))
    many = OLD.replace("profile dev", f"tier more {{\n{slices}}}\nprofile dev")
    (folder / "many.invar").write_text(many)
    (folder / "fewer.invar").write_text(many.replace("<= 0.1 nats\n", "<= 0.15 nats\n"))
    code, out, _ = compare("many.invar#more", "fewer.invar#more", "--format", "markdown")
    assert code == 1
    assert "<details><summary>9 differences</summary>\n\n|" in out
    assert out.endswith("\n</details>\n")


HOSTILE = "a|b`c</code><img src=x>@team [x](y) &#42;"


def rendered(markdown: str) -> list[str]:
    """The opening tags that a reader of tables makes of it, after everything is escaped."""
    page = MarkdownIt("commonmark").enable("table").render(markdown)
    return [tag[1] for tag in re.finditer(r"<([a-z]+)", page)]


def test_hostile_names_stay_text_in_markdown(compare: Compare, folder: Path) -> None:
    gate = f'require kl.mean <= 0.2 nats\n  require kl.mean on "{HOSTILE}" <= 0.1 nats'
    text = OLD.replace("require kl.mean <= 0.2 nats", gate)
    (folder / "a|`x`.invar").write_text(text)
    (folder / "b.invar").write_text(text.replace("<= 0.1 nats\n}\ntier", "<= 0.15 nats\n}\ntier"))
    sides = ("a|`x`.invar#loose", "b.invar#loose")
    code, out, err = compare(*sides, "--format", "markdown")
    assert (code, err) == (1, "")
    known = {"h", "p", "code", "table", "thead", "tbody", "tr", "th", "td", "br"}
    tags = rendered(out)
    assert set(tags) <= known
    assert tags.count("td") == 5 + 6
    assert compare(*sides, "--format", "sarif")[0] == 1


def test_git_revisions(compare: Compare, repository: Path) -> None:
    path = "policies/release.invar"
    code, out, _ = compare(f"v1:{path}", f"HEAD:{path}")
    assert (code, out.split(":")[0]) == (1, "weaker")
    assert f"    old  require <= 0.1   v1:{path}:12:3" in out
    assert compare(f"main:{path}#tight", f"v1:{path}#tight")[0] == 0
    assert compare(f"v1:{path}", path)[0] == 1  # the working tree
    _, log, _ = compare(f"v1:{path}", f"HEAD:{path}", "--format", "sarif")
    (result,) = results_of(json.loads(log))
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == path


def test_git_paths_from_a_folder_below(
    compare: Compare, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository / "policies")
    assert compare("v1:./release.invar", "release.invar")[0] == 1
    assert compare("v1:policies/release.invar", "release.invar")[0] == 1
    assert compare("v1:release.invar", "release.invar")[0] == 6


@pytest.mark.parametrize("revision", ["main", "unknown"])
def test_a_file_named_like_a_revision_is_not_taken_for_it(
    compare: Compare, repository: Path, revision: str
) -> None:
    """A change may bring the file, and a shallow clone may lack the revision."""
    path = "policies/release.invar"
    (repository / path).write_text(LOOSER.replace("0.15", "0.19"))
    assert compare(f"main:{path}", path)[0] == 1
    (repository / f"{revision}:policies").mkdir()
    (repository / f"{revision}:{path}").write_text((repository / path).read_text())
    code, out, err = compare(f"{revision}:{path}#tight", f"{path}#tight")
    assert (code, out) == (2, "")
    assert "[INVARLOCK:E134] cannot compare" in err
    assert f"./{revision}:{path}" in err
    assert compare(f"./{revision}:{path}#tight", f"{path}#tight")[0] == 0
    assert compare(str(repository / f"{revision}:{path}"), path)[0] == 0
    assert compare(f"v1:{path}", path)[0] == 1


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("--output=x:policies/release.invar", "no name of a revision"),
        ("-x:policies/release.invar", "no name of a revision"),
        ("nowhere:policies/release.invar", "git knows no revision"),
        ("v1:policies/absent.invar", "holds no file"),
        ("v1:policies", "`policies` is a folder in `v1`, and no file"),
        ("v1:policies/", "is a folder in `v1`, and no file"),
        ("v1:*/release.invar", "holds no file"),
        ("v1::(top)policies/release.invar", "holds no file"),
        ("v1:/policies/release.invar", "holds no file"),
        ("v1:../outside.invar", "holds no file"),
    ],
)
def test_revisions_that_cannot_be_read(
    compare: Compare, repository: Path, name: str, why: str
) -> None:
    code, out, err = compare("--", name, "new.invar")
    assert (code, out) == (6, "")
    assert "[INVARLOCK:E135]" in err
    assert why in err
    assert not (repository / "x").exists()
    assert compare("v1:policies/release.invar", "new.invar")[0] == 1


def test_no_repository_is_said(compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", "/")
    code, _, err = compare("HEAD:old.invar", "new.invar")
    assert code == 6
    assert "[INVARLOCK:E135] the working directory is in no git repository" in err


def test_a_replaced_object_fools_nobody(compare: Compare, repository: Path) -> None:
    """`git replace` shows one blob for another; what was committed is what is compared."""
    path = "policies/release.invar"
    git("replace", f"HEAD:{path}", f"v1:{path}")
    assert compare(f"v1:{path}", f"HEAD:{path}")[0] == 1


HOUSE = """invar 1
policy house "1.0.0"
task = causal_lm
tier balanced {
  require kl.mean <= 0.1 nats
}
"""


def user_of(house: str) -> str:
    """A policy that includes ``house``, pinned as it stands."""
    pin = compile_policy(house.encode(), filename="house.invar").ir.digest
    return f"""invar 1
policy team "1.0.0"
include "sub/house.invar" {pin} as house
task = causal_lm
tier t refines house.balanced {{
  require kl.p99 <= 1 nats
}}
"""


def write_including(folder: Path, house: str) -> None:
    (folder / "team.invar").write_text(user_of(house))
    (folder / "sub").mkdir(exist_ok=True)
    (folder / "sub" / "house.invar").write_text(house)


def test_includes_come_from_the_same_revision(compare: Compare, repository: Path) -> None:
    """The policy and what it includes change together; each side sees its own of both."""
    policies = repository / "policies"
    write_including(policies, HOUSE)
    git("add", "-A")
    git("commit", "-q", "-m", "three")
    write_including(policies, HOUSE.replace("<= 0.1", "<= 0.3"))
    code, out, err = compare("HEAD:policies/team.invar", "policies/team.invar")
    assert (code, err) == (1, "")
    assert "    old  require <= 0.1  HEAD:policies/sub/house.invar:5:3" in out
    assert "    new  require <= 0.3  policies/sub/house.invar:5:3" in out
    assert compare("HEAD:policies/team.invar", "HEAD:./policies/team.invar")[0] == 0


def test_a_link_out_of_git_is_not_followed(compare: Compare, repository: Path) -> None:
    """A link is committed as its target's name, which is no policy, even where it reads as one."""
    policies = repository / "policies"
    (policies / "link.invar").symlink_to(OLD)
    (policies / "short.invar").symlink_to("release.invar")
    (policies / "under").symlink_to(".")
    git("add", "-A")
    git("commit", "-q", "-m", "links")
    for name in ("link.invar", "short.invar"):
        code, out, err = compare(f"HEAD:policies/{name}", "old.invar")
        assert (code, out) == (6, "")
        assert f"[INVARLOCK:E135] `policies/{name}` is a symbolic link in `HEAD`, and no" in err
    assert compare("HEAD:policies/under/release.invar", "old.invar")[0] == 6
    assert compare("HEAD:policies/release.invar", "new.invar")[0] == 0


def test_a_submodule_is_no_file(compare: Compare, repository: Path) -> None:
    commit = subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True).stdout
    entry = f"160000,{commit.decode().strip()},policies/module"
    git("update-index", "--add", "--cacheinfo", entry)
    git("commit", "-q", "-m", "a submodule")
    code, _, err = compare("HEAD:policies/module", "old.invar")
    assert code == 6
    assert "[INVARLOCK:E135] `policies/module` is a submodule in `HEAD`" in err
    assert compare("HEAD:policies/module/release.invar", "old.invar")[0] == 6


def test_an_include_out_of_git_leads_nowhere_else(compare: Compare, repository: Path) -> None:
    policies = repository / "policies"
    write_including(policies, HOUSE)
    git("add", "-A")
    git("commit", "-q", "-m", "a file")
    assert compare("HEAD:policies/team.invar", "HEAD:./policies/team.invar")[0] == 0
    (policies / "sub" / "house.invar").unlink()
    (policies / "sub" / "house.invar").symlink_to(HOUSE)
    git("add", "-A")
    git("commit", "-q", "-m", "a link")
    code, out, err = compare("HEAD:policies/team.invar", "old.invar")
    assert (code, out) == (2, "")
    assert "[INVARLOCK:E124]" in err
    assert "`policies/sub/house.invar` is a symbolic link in `HEAD`, and no file" in err


def test_an_ir_out_of_git_may_be_larger_than_a_policy(compare: Compare, repository: Path) -> None:
    gates = "".join(f'  require kl.mean on "{n:064}" <= 0.1 nats\n' for n in range(200))
    tiers = "".join(f"tier t{n} {{\n{gates}}}\n" for n in range(14))
    write_ir(repository, OLD.replace("tier tight", tiers + "tier tight"), "large")
    assert (repository / "large.json").stat().st_size > 1 << 20
    git("add", "-A")
    git("commit", "-q", "-m", "an IR")
    assert compare("HEAD:large.json", "large.json")[0] == 0


def write_ir(folder: Path, text: str, name: str) -> None:
    ir = compile_policy(text.encode(), filename=name).ir
    (folder / f"{name}.json").write_text(json.dumps(ir.document()))
    (folder / f"{name}.bar.json").write_text(json.dumps(ir.bars["tight"].document()))


def test_ir_files(compare: Compare, folder: Path) -> None:
    write_ir(folder, OLD, "old")
    write_ir(folder, LOOSER, "new")
    assert compare("old.json", "new.json")[0] == 1
    assert compare("old.json", "old.invar")[0] == 0
    assert compare("old.json#tight", "new.json#tight")[0] == 1
    code, out, _ = compare("old.bar.json", "new.invar#tight")
    assert code == 1
    assert "new.invar:12:3" in out
    assert compare("old.bar.json", "new.bar.json")[0] == 1
    assert main(["policy", "compile", "old.invar", "-o", "written.json"]) == 0
    assert compare("written.json", "old.invar")[0] == 0


def test_ir_files_that_are_none(compare: Compare, folder: Path) -> None:
    write_ir(folder, OLD, "old")
    document = json.loads((folder / "old.json").read_text())
    changes: dict[str, Callable[[Any], Any]] = {
        "an unknown key": lambda d: d | {"extra": 1},
        "an unknown version": lambda d: d | {"ir": "invarlock.policy/2"},
        "a number as a number": lambda d: json.loads(json.dumps(d).replace('"0.1"', "0.1")),
        "another spelling": lambda d: json.loads(json.dumps(d).replace('"0.1"', '"1e-1"')),
        "a list": lambda d: [d],
        "no bar": lambda d: d | {"bars": {}},
    }
    for what, change in changes.items():
        (folder / "bad.json").write_text(json.dumps(change(document)))
        code, out, err = compare("bad.json", "old.invar")
        assert (code, out) == (2, ""), what
        assert "[INVARLOCK:E134] cannot compare" in err, what
    assert compare("old.json", "old.invar")[0] == 0


@pytest.mark.parametrize(
    ("old", "new", "outcome"),
    [
        ("absent.invar", "new.invar", (6, "E601")),
        ("plain.txt", "new.invar", (2, "E134")),
        ("empty", "new.invar", (2, "E134")),
        ("broken.invar", "new.invar", (2, "E102")),
        ("old.invar#nope", "new.invar", (2, "E107")),
        ("old.json#nope", "new.invar", (2, "E107")),
        ("old.bar.json#tight", "new.invar#tight", (2, "E107")),
        ("old.bar.json", "new.invar", (2, "E701")),
        ("old.invar#UPPER", "new.invar", (2, "E701")),
    ],
)
def test_what_cannot_be_compared(
    compare: Compare, folder: Path, old: str, new: str, outcome: tuple[int, str]
) -> None:
    write_ir(folder, OLD, "old")
    (folder / "plain.txt").write_text("hello\n")
    (folder / "empty").mkdir()
    (folder / "broken.invar").write_text(OLD.replace("kl.mean", "kl.meen"))
    code, out, err = compare(old, new)
    assert (code, out) == (outcome[0], "")
    assert f"[INVARLOCK:{outcome[1]}]" in err
    assert "Traceback" not in err


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run with its bundle, judged under `balanced+dev`."""
    scene = make_scene(tmp_path)
    files = documents(case())
    report = report_of(files).encode()
    scene.publish(files, report, signed(report))
    return tmp_path / "run"


def test_attestations(compare: Compare, folder: Path, run: Path) -> None:
    (folder / "looser.invar").write_bytes(POLICY.replace(b"<= 1.10", b"<= 1.12"))
    for name in ("run", "run/attestation.sigstore.json", "run#balanced+dev"):
        code, out, err = compare(name, "bar.invar")
        assert (code, err) == (0, ""), name
        assert out.startswith("equal:")
        assert "(its signature was not checked)" in out
        code, out, _ = compare(name, "looser.invar")
        assert code == 1
        assert "run/policy/source.invar:" in out
    assert compare("run#conservative", "bar.invar")[0] == 2


def test_an_attestation_of_another_run_is_refused(compare: Compare, run: Path) -> None:
    report = run / "evaluation.report.json"
    kept = report.read_bytes()
    report.write_bytes(report_of(documents(case(worse=0.05))).encode())
    code, _, err = compare("run/attestation.sigstore.json", "bar.invar")
    assert (code, "[INVARLOCK:E403]" in err) == (4, True)
    changed = json.loads(kept)
    changed["resolved_policy"]["gates"].pop()
    report.write_text(json.dumps(changed))
    code, _, err = compare("run", "bar.invar")
    assert (code, "[INVARLOCK:E403]" in err) == (4, True)
    report.write_bytes(kept)
    assert compare("run/attestation.sigstore.json", "bar.invar")[0] == 0


def test_an_attested_bar_in_another_form_is_refused(compare: Compare, run: Path) -> None:
    report = run / "evaluation.report.json"
    kept = report.read_bytes()
    changed = json.loads(kept)
    changed["resolved_policy"]["gates"].reverse()
    changed["policy"]["bar_digest"] = digest_json(changed["resolved_policy"])
    report.write_text(json.dumps(changed))
    code, _, err = compare("run", "bar.invar")
    assert (code, "[INVARLOCK:E134] cannot compare" in err) == (2, True)
    report.write_bytes(kept)
    assert compare("run", "bar.invar")[0] == 0


def test_sources_of_another_bar_give_no_lines(compare: Compare, folder: Path, run: Path) -> None:
    (folder / "looser.invar").write_bytes(POLICY.replace(b"<= 1.10", b"<= 1.12"))
    report = run / "evaluation.report.json"
    kept = report.read_bytes()
    for name in ("unheard", "balanced"):
        changed = json.loads(kept)
        assert changed["policy"]["bar"] == "balanced+dev"
        changed["policy"]["bar"] = name
        report.write_text(json.dumps(changed))
        code, out, err = compare("run", "looser.invar#balanced+dev")
        assert (code, err) == (1, "")
        assert "run/policy/source.invar" not in out
    for name in ("", "x\ny", "\x1b[31m"):
        changed["policy"]["bar"] = name
        report.write_text(json.dumps(changed))
        code, _, err = compare("run", "looser.invar#balanced+dev")
        assert (code, "[INVARLOCK:E134] cannot compare" in err) == (2, True)
    report.write_bytes(kept)
    assert "run/policy/source.invar" in compare("run", "looser.invar")[1]


def test_check_as_sarif(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "broken.invar").write_text(OLD.replace("kl.mean", "kl.meen"))
    names = ["old.invar", "broken.invar", "absent.invar"]
    assert main(["policy", "check", *names, "--format", "sarif"]) == 6
    results = results_of(json.loads(capsys.readouterr().out))
    found = {(result["ruleId"], result["level"]) for result in results}
    assert {("E117", "warning"), ("E102", "error"), ("E601", "error")} <= found
    (absent,) = [result for result in results if result["ruleId"] == "E601"]
    assert "region" not in absent["locations"][0]["physicalLocation"]
    assert main(["policy", "check", "old.invar", "--format", "sarif"]) == 0
    assert results_of(json.loads(capsys.readouterr().out))
