#!/usr/bin/env python3
"""Fuzz the compiler and the formatter, and with one input in four the linter, its fixes and
includes too: coverage-guided mutation of the corpus, by atheris.

    fuzz_policy.py [--runs N] [--seconds S] [--seed N]

Ends with 0 when all inputs held. Else it ends with 77, prints a traceback and keeps the input in
.cache/fuzz/. An input may take one CPU second, and the process may grow by 256 MiB.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import zlib
from pathlib import Path

import atheris

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
INSTRUMENTED = ["invarlock.policy", "invarlock.authoring.format", "invarlock.authoring.lint"]
CACHE = ROOT / ".cache" / "fuzz"
MAX_LENGTH = 1 << 14
"""Bytes of an input. Larger files have their own tests; small ones reach more in the time."""
WHOLE = 4
"""One input in so many is linted, fixed and included, which takes most of the time. The input
itself says whether: it can be replayed."""


class _Target:
    """One input after another, and the growth of the process over all of them."""

    def __init__(self) -> None:
        with atheris.instrument_imports(include=INSTRUMENTED):
            from tests.fuzz import invariants
        self.invariants = invariants
        self.before = invariants.peak()
        self.runs = 0

    def __call__(self, data: bytes) -> None:
        if zlib.crc32(data) % WHOLE == 0:
            self.invariants.hold_everything(data)
        else:
            self.invariants.hold(data)
        self.runs += 1
        if self.runs % 500 == 0:
            self.invariants.hold_growth(self.before)


def _dictionary() -> str:
    """Words that mutation could not guess."""
    from invarlock.policy.catalogue import MEASURES, SETTINGS
    from invarlock.policy.tables import KEYWORDS

    words = [*KEYWORDS, *MEASURES, *SETTINGS, "sha256:" + "ab" * 32, " in {", " in [", " pp\\x0a"]
    return "".join(f'"{word}"\n' for word in words)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--runs", type=int, default=-1)
    parser.add_argument("--seconds", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    target = _Target()
    folder = _seed_folder(target.invariants.seeds(), options.seed)
    flags = {
        "runs": options.runs,
        "max_total_time": options.seconds,
        "seed": options.seed,
        "max_len": MAX_LENGTH,
        "dict": folder / "words",
        "artifact_prefix": f"{CACHE}/",
        "timeout": 20,
        "rss_limit_mb": 2048,
        "print_final_stats": 1,
        "verbosity": 0,
    }
    given = [f"-{key}={value}" for key, value in flags.items()]
    atheris.Setup([sys.argv[0], *given, str(folder / "corpus")], target)
    atheris.Fuzz()


def _seed_folder(seeds: list[bytes], seed: int) -> Path:
    """A folder with the corpus and the dictionary. libFuzzer adds what reached something new."""
    folder = CACHE / f"seeds-{seed}"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "corpus").mkdir(parents=True)
    (folder / "words").write_text(_dictionary())
    for number, source in enumerate(seeds):
        if len(source) <= MAX_LENGTH:
            (folder / "corpus" / str(number)).write_bytes(source)
    return folder


if __name__ == "__main__":
    main(sys.argv[1:])
