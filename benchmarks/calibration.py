"""``python -m benchmarks.calibration``: what edits that do nothing show on SmolLM2-135M.

Runs ``invarlock advanced calibrate`` on the model and the prose of the demo under the shipped
policy for causal models, and sets the bounds it proposes beside those that every tier ships.
With ``--record`` the page benchmarks/CALIBRATION.md is written, and beside it the policy that was
proposed and the runs behind it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from invarlock.policy import Compiled, load_policy
from invarlock.policy.ir import Gate
from invarlock.policy.words import relation_text
from invarlock.present.words import short

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "benchmarks" / "CALIBRATION.md"
KEPT: Final = ROOT / "benchmarks" / "calibrated"
POLICY: Final = ROOT / "policies" / "causal_lm.invar"
TIERS: Final = ("aggressive", "balanced", "conservative")
COMMAND: Final = "python -m benchmarks.calibration --record"


def main(argv: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--bar", default="conservative+dev")
    parser.add_argument("--false-alarm", default="5%", help="of each gate")
    parser.add_argument("--out", type=Path, default=ROOT / ".cache" / "invarlock-calibration")
    parser.add_argument("--record", action="store_true", help=f"write {PAGE.name}")
    asked = parser.parse_args(argv)
    shutil.rmtree(asked.out, ignore_errors=True)
    _calibrate(asked.bar, asked.false_alarm, asked.out)
    found = json.loads((asked.out / "calibration.json").read_bytes())
    profile = asked.bar.partition("+")[2]
    page = "\n".join(rendered(found, load_policy(POLICY), profile)) + "\n"
    print(page)
    if asked.record:
        PAGE.write_text(page, encoding="utf-8")
        KEPT.mkdir(exist_ok=True)
        for name in ("proposed.invar", "calibration.json"):
            shutil.copyfile(asked.out / name, KEPT / name)
    return 0


def _calibrate(bar: str, rate: str, out: Path) -> None:
    sys.path.insert(0, str(ROOT / "scripts"))
    from demo_cache import CACHE
    from fetch_model import fetch_model
    from fetch_prose import fetch_prose

    command = [
        sys.executable, "-m", "invarlock", "advanced", "calibrate", "--policy", f"{POLICY}#{bar}",
        "--baseline", str(fetch_model(CACHE)[0]), "--data", str(fetch_prose(CACHE)[0]),
        "--out", str(out), "--false-alarm", rate,
    ]  # fmt: skip
    subprocess.run(command, check=True)


def rendered(found: Mapping[str, Any], shipped: Compiled, profile: str) -> Iterator[str]:
    """The page: one line a gate, with the bound proposed and those of the shipped tiers."""
    runs, alarm = found["runs"], found["false_alarm"]
    packages = ", ".join(f"{name} {version}" for name, version in found["packages"].items())
    kinds = sorted({run["edit"] for run in runs})
    yield "# Calibration"
    yield ""
    yield f"Made by `{COMMAND} --false-alarm {alarm['each']}`; do not edit."
    yield f"{len(runs)} null edits of SmolLM2-135M ({', '.join(kinds)}), each with windows of its"
    yield "own, measured as any subject is; of every gate that bounds damage the farthest that they"
    yield f"came, which another passes with a probability of at most {alarm['each']} (any of all"
    yield f"gates: {alarm['together_at_most']}). Beside it what `policies/causal_lm.invar` ships."
    yield "Runs and proposal are in `benchmarks/calibrated/`."
    yield ""
    yield f"- {found['created']}; {packages}"
    yield f"- bar `{found['policy']['bar']}` {found['policy']['bar_digest']}"
    yield f"- measurement contract {found['measurement_contract_hash']}"
    yield f"- baseline {found['baseline']}, data {found['data']}"
    yield ""
    yield f"| gate | farthest of {len(runs)} | missed the bar | {' | '.join(TIERS)} |"
    yield f"| --- | --- | --- |{' --- |' * len(TIERS)}"
    bars = [_gates(shipped, f"{tier}+{profile}") for tier in TIERS]
    for bound in found["bounds"]:
        told = " | ".join(_relation(gates.get(bound["id"])) for gates in bars)
        yield f"| `{bound['id']}` | {short(bound['value'])} | {bound['bar_missed_by']} | {told} |"


def _gates(shipped: Compiled, bar: str) -> Mapping[str, Gate]:
    return {gate.id: gate for gate in shipped.ir.bars[bar].gates}


def _relation(gate: Gate | None) -> str:
    if gate is None:
        return "–"
    return f"{'warn ' if gate.level == 'warn' else ''}`{relation_text(gate)}`"


if __name__ == "__main__":
    sys.exit(main())
