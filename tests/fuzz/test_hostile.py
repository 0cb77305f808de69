"""Hostile files, through the command: one clear error each, quickly and in little memory."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from invarlock.errors import EXIT_PASS, EXIT_USAGE
from tests.conftest import ROOT
from tests.policy.support import HEAD, TIER, policy

MAX_SECONDS = 1.0
MAX_MEMORY = 256 << 20

# A name, the file, the code, and a part of what must be said about it.
HOSTILE: dict[str, tuple[str | bytes, str, str]] = {
    "ten megabytes": (HEAD + TIER + "#" * 10_000_000, "E115", "more than 1048576"),
    "ten megabytes of gates": (
        HEAD + "require kl.mean <= 1\n" * 500_000,
        "E115",
        "more than 1048576",
    ),
    "nested blocks": (HEAD + "tier t {" * 100_000, "E101", "more than 50000 words"),
    "nested blocks of a shorter file": (HEAD + "t{" * 20_000, "E102", "unknown block `t`"),
    "closing braces": (HEAD + TIER + "}" * 40_000, "E101", "unexpected `}`"),
    "nested brackets": (
        policy("require kl.mean in " + "[" * 40_000),
        "E101",
        "unexpected `[`",
    ),
    "nested sets": (policy("windows.length = " + "{" * 40_000), "E101", "unexpected `{`"),
    "bidirectional override": (policy('about = "\u202egate"'), "E115", "U+202E"),
    "zero width": (policy("require kl.\u200bmean <= 1"), "E115", "U+200B"),
    "NUL": (policy() + "\0", "E115", "NUL"),
    "escape of a terminal": (policy("# \x1b[2J"), "E115", "U+001B"),
    "look-alike in a keyword": (HEAD + TIER.replace("tier", "ti\u0435r"), "E101", "U+0435"),
    "look-alike in a measure": (policy("require kl.m\u0435an <= 1"), "E101", "U+0435"),
    "full-width digits": (policy("require kl.mean <= １"), "E101", "`１`"),
    "typographic quotes": (policy("about = “gate”"), "E101", "`“`"),
    "a million words": (HEAD + ";" * 1_000_000, "E101", "more than 50000 words"),
    "many short lines": (HEAD + "a\n" * 20_000, "E101", "unexpected"),
    "many gates": (policy("require kl.mean <= 1\n" * 9_000), "E105", "already"),
    "many tiers": (
        HEAD + "".join(f"tier t{n} {{ require kl.mean <= 1 }}\n" for n in range(5_000)),
        "E115",
        "more than 16",
    ),
    "a long number": (policy("require kl.mean <= " + "9" * 100_000), "E104", "40 digits"),
    "a long version": ("invar " + "9" * 100_000 + "\n", "E112", "language version"),
    "a long name": (policy("require " + "a" * 1_000_000 + " <= 1"), "E102", "unknown measure"),
    "a long digest": (policy("require data.digest == sha256:" + "g" * 900_000), "E101", "digest"),
    "a long set": (
        policy("require runtime.isolation in {" + "host," * 20_000 + "host}"),
        "E115",
        "more than 1000 values",
    ),
    "unclosed text": (policy('about = "' + "a" * 500_000), "E101", "not closed"),
    "unclosed block": (HEAD + "tier t {\n" + "require kl.mean <= 1\n" * 200, "E101", "not closed"),
    "unclosed set": (policy("require runtime.isolation in {host,"), "E101", "unexpected"),
    "unclosed interval": (policy("require kl.mean in [0,"), "E101", "unexpected"),
    "UTF-16": (policy().encode("utf-16"), "E115", "not UTF-8"),
    "overlong encoding": (policy().encode() + b"# \xc0\xaf", "E115", "not UTF-8"),
    "a model": (bytes(range(256)) * 4_000, "E115", "not UTF-8"),
    "nothing": ("", "E101", "end of the file"),
    "backslashes": (policy('about = "' + "\\" * 500_000 + '"'), "E101", "backslash"),
    "quotes": (policy('"' * 800_001), "E101", "more than 50000 words"),
    "digits and underscores": (
        policy("require kl.mean <= 1" + "_" * 900_000 + "x"),
        "E103",
        "unit",
    ),
}

LETTERS = "abcdefghijklmnop"


def signer(name: str, repository: str) -> str:
    rest = 'workflow = "w"; ref = "r"; issuer = "i"'
    return f'signer {name} {{ repository = "{repository}"; {rest} }}\n'


def signers() -> str:
    """Globs whose comparison multiplies states, in as many bars as there can be."""
    falling = {f"{b}_{a}": f"*{b}*{a}*" for a, b in pairwise(LETTERS)}
    tiers = "".join(
        f"tier t{n} {{ require signature.by in {{{', '.join([*falling][n % 3 :])}}} }}\n"
        for n in range(16)
    )
    profiles = "".join(f"profile p{n} {{ require signature.by == rising }}\n" for n in range(8))
    return "".join(
        [
            HEAD,
            signer("rising", "*" + "*".join(LETTERS) + "*"),
            *(signer(name, glob) for name, glob in falling.items()),
            tiers,
            profiles,
        ]
    )


def slices() -> str:
    """As many gates in as many bars as a policy may have, each to be held against others."""
    pair = 'require kl.mean on "{}" <= 1\n  require windows.final on "{}" in [8, 90]\n'
    top = "".join(pair.format(n, n) for n in range(30))
    tiers = "".join(f"tier t{n} {{\n{pair.format(f't{n}', f't{n}')}}}\n" for n in range(16))
    return HEAD + top + tiers + "".join(f"profile p{n} {{}}\n" for n in range(8))


HOSTILE["slices"] = (slices().replace("90]", "7]", 1).replace("[8,", "[1,", 1), "E120", "needs 16")
HOSTILE["signers"] = (signers(), "E136", "too large to compare")


@dataclass(frozen=True)
class Spent:
    """What a process said, and what it took: CPU seconds and bytes."""

    code: int
    out: str
    err: str
    seconds: float
    memory: int


def check(path: Path) -> Spent:
    """``invarlock policy check PATH`` in a process of its own, measured by the system."""
    place = path.parent / "spent.json"
    command = [sys.executable, "-m", "invarlock", "policy", "check", path]
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.spent", place, *command],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    return Spent(done.returncode, done.stdout, done.stderr, **json.loads(place.read_text()))


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> float:
    """CPU seconds that starting the command and checking a small policy takes."""
    path = tmp_path_factory.mktemp("start") / "p.invar"
    path.write_text(policy())
    spent = check(path)
    assert spent.code == EXIT_PASS
    return spent.seconds


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_a_clear_error(name: str, start: float, tmp_path: Path) -> None:
    source, code, words = HOSTILE[name]
    path = tmp_path / "p.invar"
    path.write_bytes(source if isinstance(source, bytes) else source.encode())
    spent = check(path)
    assert spent.code == EXIT_USAGE
    first = spent.err.split("\n")[0]
    assert f"error [INVARLOCK:{code}] " in first
    assert words in first
    assert len(first) < 300
    assert "Traceback" not in spent.err
    assert spent.out.count("\n") == 1
    assert len(spent.err) < 100_000
    assert spent.seconds - start < MAX_SECONDS
    assert spent.memory < MAX_MEMORY
