"""Choosing a boundary never falls to the host, and says what to install."""

from __future__ import annotations

from pathlib import Path

import pytest

from invarlock.errors import SafetyRefusal
from invarlock.security.bubblewrap import find_bubblewrap
from invarlock.security.select import REQUESTS, Requested, choose_mode

pytestmark = pytest.mark.sandbox

FORBIDDEN = """[ "$1" = --version ] && echo bubblewrap 0.9.0 && exit
printf 'bwrap: setting up uid map: \\033[1mPermission denied\\n' >&2
exit 1"""


@pytest.fixture
def bwrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only thing on PATH, to be written by the test."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path / "bwrap"


def program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.mark.parametrize("requested", REQUESTS)
def test_with_bubblewrap(requested: Requested) -> None:
    assert choose_mode(requested) == ("host" if requested == "host" else "sandbox")
    tool = find_bubblewrap()
    assert tool.digest.startswith("sha256:")
    assert tuple(int(part) for part in tool.version.split(".")) >= (0, 8, 0)


@pytest.mark.parametrize("requested", ["auto", "sandbox"])
def test_without_it_there_is_a_refusal_and_never_the_host(
    bwrap: Path, requested: Requested
) -> None:
    with pytest.raises(SafetyRefusal) as refusal:
        choose_mode(requested)
    assert (refusal.value.code, refusal.value.exit_code) == ("E301", 5)
    assert "apt install bubblewrap" in refusal.value.hint
    assert choose_mode("host") == "host"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("echo bubblewrap 0.7.9", "too old"),
        ("echo nonsense", "too old"),
        ("exit 3", "does not run"),
        (
            FORBIDDEN,
            "uid map: ?[1mPermission denied",
        ),
    ],
)
def test_one_that_cannot_be_used(bwrap: Path, text: str, said: str) -> None:
    program(bwrap, text)
    with pytest.raises(SafetyRefusal) as refusal:
        choose_mode("auto")
    assert refusal.value.code == "E301"
    assert said in refusal.value.message
