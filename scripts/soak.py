#!/usr/bin/env python3
"""The full counts: two fuzzers side by side, then every property test at its soak size.

    soak.py [--runs N] [--only fuzz|tests]

Replaces the table of benchmarks/SOAK.md when all of it passed.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RECORD = ROOT / "benchmarks" / "SOAK.md"
JUNIT = ROOT / ".cache" / "soak.xml"
SEEDS = (1, 2)
BEGIN, END = "```text\n", "```\n"


@dataclass(frozen=True)
class Row:
    what: str
    count: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.what:<86} {self.count:>22} {self.seconds:>7.0f} s"


def fuzz(runs: int) -> list[Row]:
    """Each fuzzer takes its share of the runs, from its own seed."""
    command = [sys.executable, str(ROOT / "scripts" / "fuzz_policy.py"), "--runs", str(runs // 2)]
    begun = time.monotonic()
    children = [
        subprocess.Popen([*command, "--seed", str(seed)], stderr=subprocess.PIPE, text=True)
        for seed in SEEDS
    ]
    rows = []
    for seed, child in zip(SEEDS, children, strict=True):
        said = child.communicate()[1]
        if child.returncode:
            raise SystemExit(said[-8000:])
        stats = dict(re.findall(r"stat::(\w+): +(\d+)", said))
        what = f"fuzz seed {seed}: at most {stats['slowest_unit_time_sec']} s for an input, "
        what += f"{stats['peak_rss_mb']} MB in all"
        count = f"{stats['number_of_executed_units']} inputs"
        rows.append(Row(what, count, time.monotonic() - begun))
    return rows


def properties() -> list[Row]:
    """Every property test at its soak size; what each counted is in the report of pytest."""
    JUNIT.parent.mkdir(exist_ok=True)
    command = [str(Path(sys.executable).parent / "pytest"), "-n", "2", "-m", "soak", "-q"]
    done = subprocess.run(
        [*command, "--hypothesis-profile=soak", f"--junitxml={JUNIT}"], check=False, cwd=ROOT
    )
    if done.returncode:
        raise SystemExit(done.returncode)
    return [_row(case) for case in ET.parse(JUNIT).iter("testcase")]  # noqa: S314


def _row(case: ET.Element) -> Row:
    counted = [f"{p.get('value')} {p.get('name')}" for p in case.iter("property")]
    name = f"{(case.get('classname') or '').removeprefix('tests.')}.{case.get('name')}"
    return Row(name, ", ".join(counted), float(case.get("time") or 0))


def record(rows: list[Row]) -> None:
    text = RECORD.read_text()
    start, end = text.index(BEGIN) + len(BEGIN), text.rindex(END)
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    head = f"{datetime.now(UTC):%Y-%m-%d}, {machine}"
    body = "\n".join([f"{head}, Python {platform.python_version()}", "", *map(str, rows), ""])
    RECORD.write_text(text[:start] + body + text[end:])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--only", choices=("fuzz", "tests"))
    options = parser.parse_args()
    rows = [] if options.only == "tests" else fuzz(options.runs)
    rows += [] if options.only == "fuzz" else properties()
    print("\n".join(map(str, rows)))
    if options.only is None and options.runs >= 100_000:
        record(rows)


if __name__ == "__main__":
    main()
