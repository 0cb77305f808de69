"""Commands from a cold start: the process is new each time, bytecode and files are cached."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from typing import Final

from benchmarks.speed.evaluation import VERDICTS, command
from benchmarks.speed.material import POLICY, Material
from benchmarks.speed.printed import Lines
from benchmarks.speed.process import INVARLOCK, PYTHON, call

ROUNDS: Final = 15


def cold(material: Material, lines: Lines, rounds: int) -> None:
    """`verify` of a run of SmolLM2, and `policy check`."""
    del rounds
    bar = f"{material.policy}#balanced+dev"
    run, key = material.work / "run-verified", material.work / "key"
    subject = material.subjects["careful"]
    argv = command(material, "balanced+dev", (material.baseline, subject), run)
    call([*argv, "--cache", str(material.work / "kept")], allowed=VERDICTS)
    call([INVARLOCK, "key", "new", str(key)])
    call([INVARLOCK, "attest", str(run), "--key", str(key)])
    report = json.loads((run / "evaluation.report.json").read_bytes())
    verify = [INVARLOCK, "verify", str(run / "attestation.sigstore.json"), "--policy", bar]
    verify += ["--key", f"{key}.pub"]
    by_digest = [*verify, "--subject-digest", report["subject"]["digest"]]
    _figure(lines, "verify, cold process, subject by its digest", by_digest, 0.35)
    hashed = [*verify, "--subject", str(subject)]
    _figure(lines, "verify, cold process, subject's 538 MB hashed anew", hashed, 0.35)
    check = [INVARLOCK, "policy", "check", str(POLICY)]
    _figure(lines, "policy check, cold process", check, 0.20)


def _figure(lines: Lines, name: str, argv: Sequence[str], target: float) -> None:
    """Beside a bare interpreter, in turns, so that noise meets both."""
    times: list[float] = []
    bare: list[float] = []
    call(argv, allowed=VERDICTS)
    for _ in range(ROUNDS):
        bare.append(call([PYTHON, "-c", "pass"]).wall)
        times.append(call(argv, allowed=VERDICTS).wall)
    lines.figure(name, f"{statistics.median(times):.3f} s", f"<= {target} s")
    lines.say(f"  (python -c pass {statistics.median(bare):.3f} s)")
