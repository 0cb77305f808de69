"""Options that need reading."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from invarlock.cli.arguments import beacon_of, parse_beacon, parse_bytes
from invarlock.errors import EnvironmentFault, UsageFault

DIGEST = "sha256:" + "ab" * 32


def test_sizes() -> None:
    assert parse_bytes("8GiB") == 8 << 30
    with pytest.raises(UsageFault, match="E701"):
        parse_bytes("8 apples")


def test_a_beacon_is_a_digest_hex_digits_or_a_file(tmp_path: Path) -> None:
    entry = tmp_path / "entry.json"
    entry.write_bytes(b"{}")
    assert parse_beacon(DIGEST) == DIGEST
    assert parse_beacon("00" * 16) == "sha256:" + hashlib.sha256(bytes(16)).hexdigest()
    assert parse_beacon(str(entry)) == "sha256:" + hashlib.sha256(b"{}").hexdigest()


@pytest.mark.parametrize("text", ["00" * 15, "round 12", "sha256:ab", "AB" * 32])
def test_what_is_no_beacon(text: str) -> None:
    with pytest.raises(EnvironmentFault, match="E601"):
        parse_beacon(text)


def test_a_beacon_and_its_source() -> None:
    beacon = beacon_of(DIGEST, "round 4711")
    assert beacon is not None
    assert (beacon.value, beacon.source) == (DIGEST, "round 4711")
    assert beacon_of(None, None) is None
    for source in ("", "two\nlines", "x" * 201):
        with pytest.raises(UsageFault, match="E701"):
            beacon_of(DIGEST, source)
    with pytest.raises(UsageFault, match="E701"):
        beacon_of(None, "round 4711")
