"""Includes: what a tier inherits from another file, what pins it, and where a file may lie."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from invarlock.errors import EnvironmentFault
from invarlock.policy import Compiled, Diagnostic, PolicyFault, compile_policy, load_policy
from invarlock.policy.diagnostics import render_text
from invarlock.policy.freeze import freeze
from invarlock.policy.units import IncludeReader
from tests.policy.support import HEAD, policy

HOUSE = HEAD.replace("sample", "house") + (
    "windows.length = 128\n"
    "require tokenizer.same == yes\n"
    "require windows.match >= 90%\n"
    "tier base { require perplexity.ratio <= 1.2; warn kl.mean <= 1 }\n"
    "tier balanced refines base { require perplexity.ratio <= 1.1 }\n"
    "profile p { require windows.final >= 9 }\n"
    'test "own" { tier = base; expect pass }\n'
)

Files = Mapping[str, str]


def reader(files: Files) -> IncludeReader:
    def read(path: str) -> bytes:
        if path not in files:
            raise EnvironmentFault("E601", f"`{path}` does not exist", "check the path")
        return files[path].encode()

    return read


def compiled(text: str, files: Files) -> Compiled:
    return compile_policy(text.encode(), filename="d/root.invar", includes=reader(files))


def faults(text: str, files: Files) -> tuple[Diagnostic, ...]:
    try:
        compiled(text, files)
    except PolicyFault as fault:
        return tuple(found for found in fault.diagnostics if found.severity == "error")
    return ()


def codes(text: str, files: Files) -> list[str]:
    return [found.code for found in faults(text, files)]


def frozen(text: str, files: Files) -> str:
    return freeze(text.encode(), "d/root.invar", reader(files)).text.decode()


def pinned(body: str, files: Files | None = None) -> tuple[str, Files]:
    """A policy with ``body`` that includes the house, pinned, and the files."""
    files = files or {"house.invar": HOUSE}
    return frozen(HEAD + 'include "house.invar" as house\n' + body, files), files


def gates(found: Compiled, bar: str) -> dict[str, str]:
    return {gate.id: gate.level for gate in found.ir.bars[bar].gates}


# --- what arrives --------------------------------------------------------------------------------


def test_an_included_tier_arrives_as_its_own_file_resolves_it() -> None:
    text, files = pinned("tier t refines house.balanced { require kl.p99 <= 2 }\n")
    found = compiled(text, files)
    assert gates(found, "t") == {
        "kl.mean": "warn",
        "kl.p99": "require",
        "perplexity.ratio": "require",
        "tokenizer.same": "require",
        "windows.match": "require",
    }
    assert found.ir.bars["t"].settings["windows.length"] == "128"
    assert list(found.ir.bars) == ["t"]
    assert found.includes == {"house.invar": HOUSE.encode()}
    spans = found.spans["t"]
    assert (spans["kl.p99"].file, spans["kl.mean"].file) == ("", "house.invar")
    assert spans["kl.mean"].line == 7


def test_included_or_written_out_is_one_digest() -> None:
    text, files = pinned("require windows.match >= 95%\ntier t refines house.balanced {}\n")
    written = policy(
        "windows.length = 128\nrequire tokenizer.same == yes\nrequire windows.match >= 95%",
        "require perplexity.ratio <= 1.1; warn kl.mean <= 1",
    )
    assert compiled(text, files).ir.digest == compiled(written, {}).ir.digest
    renamed = text.replace("house.balanced", "home.balanced").replace("as house", "as home")
    assert compiled(renamed, files).ir.digest == compiled(text, files).ir.digest


def test_the_top_levels_of_both_files_combine_to_the_stricter() -> None:
    text, files = pinned(
        "warn windows.match >= 95%\nwarn tokenizer.same == yes\ntier t refines house.base {}\n"
    )
    bar = compiled(text, files).ir.bars["t"]
    match = bar.gate("windows.match")
    assert match is not None
    assert (match.level, match.relation.document()["low"]) == ("require", "0.95")
    assert gates(compiled(text, files), "t")["tokenizer.same"] == "require"


def test_a_tier_must_be_at_least_as_strict_as_the_included_one() -> None:
    text, files = pinned("tier t refines house.balanced { require perplexity.ratio <= 1.15 }\n")
    (found,) = faults(text, files)
    assert (found.code, found.filename, found.other_filename) == (
        "E106",
        "d/root.invar",
        "d/house.invar",
    )
    assert found.other is not None
    assert (found.other.file, found.other.line) == ("house.invar", 8)
    assert "line 8 of `house.invar`" in found.message
    shown = render_text(found, text, {"house.invar": HOUSE.encode()})
    assert "d/house.invar:8" in shown
    assert "tier balanced refines base" in shown
    assert codes(text.replace("1.15", "1.05"), files) == []


@pytest.mark.parametrize(
    ("own", "code"),
    [
        ("windows.length = 256", "E114"),
        ("estimate.seed = 8", "E114"),
        ("require windows.match <= 50%", "E108"),
    ],
)
def test_what_contradicts_the_included_file_names_both(own: str, code: str) -> None:
    text, files = pinned(f"{own}\ntier t refines house.balanced {{}}\n")
    (found,) = faults(text, files)
    assert found.code == code
    assert found.span.file == ""
    assert "house" in found.message
    for same in ("windows.length = 128", "estimate.seed = 7", "require windows.match <= 95%"):
        assert codes(text.replace(own, same), files) == []


def test_an_included_file_may_include_below_itself() -> None:
    base = HOUSE.replace("policy house", "policy base")
    files = {"a/b/base.invar": base}
    house = freeze(
        (
            HEAD + 'include "b/base.invar" as base\ntier h refines base.base '
            "{ require perplexity.ratio <= 1.15 }\n"
        ).encode(),
        "a/house.invar",
        lambda path: files[f"a/{path}"].encode(),
    )
    files["a/house.invar"] = house.text.decode()
    body = 'include "a/house.invar" as house\ntier t refines house.h {}\n'
    found = compiled(frozen(HEAD + body, files), files)
    assert list(found.includes) == ["a/b/base.invar", "a/house.invar"]
    assert found.spans["t"]["perplexity.ratio"].file == "a/house.invar"
    assert found.spans["t"]["kl.mean"].file == "a/b/base.invar"
    worse = dict(files)
    worse["a/house.invar"] = files["a/house.invar"].replace("1.15", "1.25")
    (fault,) = faults(frozen_as(found), worse)
    assert (fault.code, fault.filename, fault.other_filename) == (
        "E106",
        "d/a/house.invar",
        "d/a/b/base.invar",
    )


def frozen_as(found: Compiled) -> str:
    return found.source.decode()


# --- pins ----------------------------------------------------------------------------------------

T = "tier t refines house.balanced {}\n"


def test_an_include_without_a_pin_is_refused() -> None:
    text, files = pinned(T)
    pin = text.split("sha256:")[1][:64]
    bare = text.replace(f" sha256:{pin}", "")
    (found,) = faults(bare, files)
    assert (found.code, found.span.line, found.span.column) == ("E123", 4, 9)
    assert "policy freeze" in found.hint
    assert codes(text, files) == []


def test_a_pin_holds_the_meaning_and_not_the_bytes() -> None:
    text, _ = pinned(T)
    again = HOUSE.replace("<= 1.2;", "<=   120%; # as agreed\n").replace('"1.0.0"', '"1.1.0"')
    assert codes(text, {"house.invar": again}) == []
    looser = HOUSE.replace("<= 1.1 ", "<= 1.11 ")
    (found,) = faults(text, {"house.invar": looser})
    assert found.code == "E123"
    assert found.span.column == text.split("\n")[3].index("sha256:") + 1
    assert "sha256:" in found.message
    assert codes(frozen(text, {"house.invar": looser}), {"house.invar": looser}) == []


def test_freezing_changes_pins_alone() -> None:
    text, files = pinned(T)
    pin = "sha256:" + text.split("sha256:")[1][:64]
    wrong = text.replace(pin, "sha256:" + "0" * 64).replace("\n", "\r\n")
    wrong = wrong.replace("as house", "as house # — our house")
    done = freeze(wrong.encode(), "root.invar", reader(files))
    assert done.text.decode() == wrong.replace("sha256:" + "0" * 64, pin)
    assert done.changes == (("house", "house.invar", "sha256:" + "0" * 64, pin),)
    again = freeze(done.text, "root.invar", reader(files))
    assert (again.text, again.changes) == (done.text, ())
    bare = wrong.replace(" sha256:" + "0" * 64, "")
    first = freeze(bare.encode(), "root.invar", reader(files))
    assert first.text == done.text
    assert first.changes[0].old is None


def test_freezing_refuses_what_has_errors() -> None:
    text, files = pinned(T)
    broken = {"house.invar": HOUSE.replace("perplexity.ratio <= 1.1 ", "perplexity.ratoi <= 1 ")}
    for source, given, code, name in (
        (text, broken, "E102", "d/house.invar"),
        (text, {}, "E124", "d/root.invar"),
        (text.replace("task =", "task <="), files, "E101", "d/root.invar"),
        (text.replace("as house", "as a.b"), files, "E101", "d/root.invar"),
    ):
        with pytest.raises(PolicyFault) as caught:
            frozen(source, given)
        assert (caught.value.code, caught.value.diagnostics[0].filename) == (code, name)
    # An error of the policy that leaves its includes alone is not in the way of a pin.
    assert frozen(text.replace("windows", "widnows"), files)


# --- errors --------------------------------------------------------------------------------------


def test_errors_of_an_included_file_are_told_in_that_file_and_nothing_follows_from_them() -> None:
    text, files = pinned(T + 'test "x" { given kl.mean = 3; expect warning because kl.mean }\n')
    assert codes(text, files) == []
    broken = {"house.invar": HOUSE.replace("kl.mean", "kl.maen")}
    (found,) = faults(text, broken)
    assert (found.code, found.filename, found.span.line) == ("E102", "d/house.invar", 7)
    assert str(found).startswith("d/house.invar:7:")


@pytest.mark.parametrize(
    ("include", "body", "code"),
    [
        ('include "house.invar" as house', "tier t refines home.balanced {}", "E107"),
        ('include "house.invar" as house', "tier t refines house.balancd {}", "E107"),
        ('include "house.invar" as house', "tier t refines house.a.b {}", "E107"),
        ('include "house.invar" as a.b', T, "E101"),
        ('include "house.invar" as house\ninclude "h.invar" as house', T, "E105"),
        ('include "house.invar" as house\ninclude "house.invar" as home', T, "E105"),
        ('include "none.invar" as house', T, "E124"),
        ('include "" as house', T, "E124"),
        ('include "/etc/passwd" as house', T, "E124"),
        ('include "C:/house.invar" as house', T, "E124"),
        ('include "../house.invar" as house', T, "E124"),
        ('include "a/../house.invar" as house', T, "E124"),
        ('include "./house.invar" as house', T, "E124"),
        ('include "a//house.invar" as house', T, "E124"),
        (f'include "{"h" * 257}" as house', T, "E124"),
    ],
)
def test_what_cannot_be_included(include: str, body: str, code: str) -> None:
    files = {"house.invar": HOUSE, "a/../house.invar": HOUSE}
    text = HEAD + include + "\n" + body
    found = [each.code for each in faults(text, files) if each.code != "E123"]
    assert found in ([code], [code, "E107"])
    good, _ = pinned(T)
    assert codes(good, files) == []


def test_without_a_folder_nothing_is_included() -> None:
    text, _ = pinned(T)
    with pytest.raises(PolicyFault) as caught:
        compile_policy(text.encode(), filename="x")
    assert caught.value.code == "E124"


def test_circles_are_named() -> None:
    def file(include: str) -> str:
        return HEAD + f'include "{include}" as next\ntier balanced refines next.balanced {{}}\n'

    files = {"house.invar": file("b.invar"), "b.invar": file("house.invar")}
    body = HEAD + 'include "house.invar" as house\n' + T
    (found,) = faults(body, files)
    assert (found.code, found.filename) == ("E125", "d/b.invar")
    assert "`house.invar` includes `b.invar` includes `house.invar`" in found.message
    itself = {"house.invar": file("house.invar")}
    assert codes(body, itself) == ["E125"]


def test_depth_and_number_are_bounded() -> None:
    def chain(length: int) -> list[str]:
        files: dict[str, str] = {f"h{length}.invar": HOUSE}
        for n in reversed(range(length)):
            text = HEAD + f'include "h{n + 1}.invar" as n\ntier balanced refines n.balanced {{}}\n'
            files[f"h{n}.invar"] = text
        for n in reversed(range(length)):
            pinned_text = files[f"h{n}.invar"]
            try:
                files[f"h{n}.invar"] = frozen(pinned_text, files)
            except PolicyFault as fault:
                return [fault.code]
        text = HEAD + 'include "h0.invar" as house\n' + T
        try:
            return codes(frozen(text, files), files)
        except PolicyFault as fault:
            return [fault.code]

    assert chain(7) == []
    assert chain(8) == ["E124"]

    def many(number: int) -> list[str]:
        files = {f"h{n}.invar": HOUSE for n in range(number)}
        lines = [f'include "h{n}.invar" as a{n}\n' for n in range(number)]
        lines += [f"tier t{n} refines a{n}.balanced {{}}\n" for n in range(16)]
        try:
            return codes(frozen(HEAD + "".join(lines), files), files)
        except PolicyFault as fault:
            return [fault.code]

    assert many(16) == []
    assert many(17) == ["E124"]


def test_an_include_that_no_tier_refines_is_warned_of() -> None:
    text, files = pinned("tier t { require kl.mean <= 1 }\n")
    assert [d.code for d in compiled(text, files).warnings if d.code == "E122"] == ["E122"]
    used, _ = pinned(T)
    assert [d.code for d in compiled(used, files).warnings if d.code == "E122"] == []


# --- files ---------------------------------------------------------------------------------------


def write(folder: Path, files: Files) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def load(path: Path) -> list[str]:
    try:
        load_policy(path)
    except PolicyFault as fault:
        return [found.code for found in fault.diagnostics if found.severity == "error"]
    return []


def test_includes_are_read_from_the_folder_of_the_policy(tmp_path: Path) -> None:
    body = 'include "deep/house.invar" as house\n' + T
    files = {"deep/house.invar": HOUSE}
    root = write(tmp_path, {**files, "root.invar": frozen(HEAD + body, files)}) / "root.invar"
    assert load(root) == []
    (tmp_path / "deep" / "house.invar").write_text(HOUSE.replace("kl.mean", "kl.maen"))
    with pytest.raises(PolicyFault) as caught:
        load_policy(root)
    assert caught.value.diagnostics[0].filename == str(tmp_path / "deep" / "house.invar")


@pytest.mark.parametrize("kind", ["file", "folder", "fifo", "inside", "directory"])
def test_nothing_but_a_plain_file_below_is_read(tmp_path: Path, kind: str) -> None:
    body = 'include "deep/house.invar" as house\n' + T
    files = {"deep/house.invar": HOUSE}
    text = frozen(HEAD + body, files)
    policy_folder = write(tmp_path / "policy", {**files, "root.invar": text})
    outside = write(tmp_path / "outside", {"house.invar": HOUSE})
    root, deep = policy_folder / "root.invar", policy_folder / "deep"
    assert load(root) == []
    if kind == "folder":
        deep.rename(policy_folder / "old")
        deep.symlink_to(outside)
    else:
        (deep / "house.invar").rename(deep / "other.invar")
    match kind:
        case "file":
            (deep / "house.invar").symlink_to(outside / "house.invar")
        case "inside":
            (deep / "house.invar").symlink_to("other.invar")
        case "fifo":
            os.mkfifo(deep / "house.invar")
        case "directory":
            (deep / "house.invar").mkdir()
    assert load(root) == ["E124"]
