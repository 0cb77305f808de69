"""Verify copies of a run to level `bound` in one process; prints how many a second,
and how many a second of its processor's time.

Each copy is a run folder of its own, named by a digest of its subject, and hashed like the first.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path

from invarlock.verify.engine import verify_bundle
from invarlock.verify.request import VerifyRequest
from invarlock.verify.result import Level, Status


def main(run: str, key: str, place: str, count: str) -> None:
    copies = [Path(place) / str(number) for number in range(int(count))]
    for copy in copies:
        if not copy.exists():
            shutil.copytree(run, copy)
    digest = json.loads((Path(run) / "evaluation.report.json").read_bytes())["subject"]["digest"]

    def verify(folder: Path) -> None:
        asked = VerifyRequest(
            bundle=folder, keys=(Path(key),), subject_digest=digest, level=Level.BOUND
        )
        assert verify_bundle(asked).levels[Level.BOUND] is Status.REACHED

    verify(copies[0])
    begun, worked = time.perf_counter(), time.process_time()
    for copy in copies:
        verify(copy)
    rate = len(copies) / (time.perf_counter() - begun)
    print(json.dumps({"rate": rate, "worked": len(copies) / (time.process_time() - worked)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
