"""``python -m benchmarks.coverage``: simulate, and with ``--record`` write COVERAGE.md.

Takes about a quarter of an hour of one core; with the same numbers it prints the same page.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.coverage.found import simulated
from benchmarks.coverage.page import render

PAGE = Path(__file__).resolve().parent.parent / "COVERAGE.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--trials", type=int, default=4_000, help="of a line with one look")
    parser.add_argument("--looked", type=int, default=2_000, help="of a line with several looks")
    parser.add_argument("--resamples", type=int, default=1_200)
    parser.add_argument("--record", action="store_true", help=f"write {PAGE.name}")
    asked = parser.parse_args(arguments)
    found = simulated(
        *(asked.trials, asked.looked, asked.resamples),
        lambda line: print(line, file=sys.stderr, flush=True),
    )
    page = render(found)
    if asked.record:
        PAGE.write_text(page, encoding="utf-8")
    else:
        print(page, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
