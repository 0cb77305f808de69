#!/usr/bin/env python3
"""Write policies/digests.json: the semantic digests of the shipped policies and all their bars.

They depend on meaning alone, so that a change of the compiler that moves one is seen: people pin
these digests. `--check` compares instead of writing, names each that moved, and exits 1.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from invarlock.policy import load_policy

POLICIES = Path(__file__).resolve().parents[1] / "policies"
DIGESTS = POLICIES / "digests.json"

Found = dict[str, dict[str, str]]
"""By file: the digest of the policy under `policy`, and of each bar under `#` and its name."""


def digests() -> Found:
    """The digests as this compiler finds them."""
    found: Found = {}
    for path in sorted(POLICIES.glob("*.invar")):
        compiled = load_policy(path)
        bars = {f"#{name}": bar.digest for name, bar in compiled.ir.bars.items()}
        found[path.name] = {"policy": compiled.ir.digest, **bars}
    return found


def golden() -> Found:
    """The digests as they were published."""
    document = json.loads(DIGESTS.read_text("utf-8"))
    return {
        name: {"policy": found["policy"], **{f"#{bar}": d for bar, d in found["bars"].items()}}
        for name, found in document["policies"].items()
    }


def moved(old: Found, new: Found) -> Iterator[str]:
    """What differs, one line each."""
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name, {}), new.get(name, {})
        for key in sorted(before.keys() | after.keys()):
            if before.get(key) != after.get(key):
                bar = key if key.startswith("#") else " as a whole"
                yield f"{name}{bar}: {before.get(key, 'absent')} → {after.get(key, 'absent')}"


def main(arguments: list[str]) -> int:
    new = digests()
    if "--check" in arguments:
        found = list(moved(golden(), new))
        for line in found:
            print(line)
        if found:
            print(f"these digests are pinned by consumers; if meant, run {Path(__file__).name}")
        return 1 if found else 0
    policies = {
        name: {
            "policy": found["policy"],
            "bars": {key[1:]: digest for key, digest in found.items() if key.startswith("#")},
        }
        for name, found in new.items()
    }
    document = {"schema": "invarlock.policy-digests/1", "policies": policies}
    DIGESTS.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
