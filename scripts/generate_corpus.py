#!/usr/bin/env python3
"""Write the golden files of the corpus: what compiling each policy in grammar/ gives.

Beside ``accept/NAME.invar`` stands ``NAME.json`` with its digests, its IR and its warnings; beside
``reject/NAME.invar`` one with every diagnostic. Files that others include stand in sub-folders.
`--check` compares instead of writing and exits 1 on drift.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from invarlock.policy import Compiled, Diagnostic, PolicyFault, compile_policy
from invarlock.policy.diagnostics import diagnostic_json
from invarlock.policy.reference import include_reader

GRAMMAR = Path(__file__).resolve().parents[1] / "grammar"

Outcome = tuple[Compiled | None, tuple[Diagnostic, ...]]
Document = dict[str, object]


def outcome(path: Path) -> Outcome:
    """The policy in ``path`` if it is valid, and everything found in it."""
    reader = include_reader(path.parent)
    try:
        done = compile_policy(path.read_bytes(), filename=path.name, includes=reader)
    except PolicyFault as fault:
        return None, fault.diagnostics
    return done, done.warnings


def accepted(path: Path) -> Document:
    """The golden document of a policy that compiles."""
    done, found = outcome(path)
    if done is None:
        raise SystemExit("\n".join(map(str, found)))
    return {
        "policy_digest": done.ir.digest,
        "bars": {name: bar.digest for name, bar in done.ir.bars.items()},
        "warnings": [diagnostic_json(diagnostic) for diagnostic in found],
        "ir": done.ir.document(),
    }


def rejected(path: Path) -> Document:
    """The golden document of a policy that does not compile."""
    done, found = outcome(path)
    if done is not None:
        raise SystemExit(f"{path}: compiles")
    return {"diagnostics": [diagnostic_json(diagnostic) for diagnostic in found]}


def goldens() -> Iterator[tuple[Path, str]]:
    """Each golden file and what should stand in it."""
    kinds: tuple[tuple[str, Callable[[Path], Document]], ...] = (
        ("accept", accepted),
        ("reject", rejected),
    )
    for folder, document in kinds:
        for path in sorted((GRAMMAR / folder).glob("*.invar")):
            text = json.dumps(document(path), ensure_ascii=False, indent=1)
            yield path.with_suffix(".json"), text + "\n"


def main(arguments: list[str]) -> int:
    drifted = False
    wanted = dict(goldens())
    left = {path for folder in ("accept", "reject") for path in (GRAMMAR / folder).glob("*.json")}
    for path in sorted(left - wanted.keys()):
        drifted = True
        print(f"{path.relative_to(GRAMMAR)}: no policy beside it")
    for path, text in wanted.items():
        if path in left and path.read_text("utf-8") == text:
            continue
        drifted = True
        if "--check" in arguments:
            print(f"{path.relative_to(GRAMMAR)} differs; run {Path(__file__).name}")
        else:
            path.write_text(text, "utf-8")
    return int(drifted and "--check" in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
