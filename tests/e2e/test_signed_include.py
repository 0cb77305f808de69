"""A bar that is inherited from another file and names who may sign, from `evaluate` to `verify`."""

from __future__ import annotations

import json
from pathlib import Path

from invarlock.cli import main
from tests.conftest import run_invarlock
from tests.e2e.conftest import POLICY, Bench

CHILD = """\
invar 1
policy team "1"
task = causal_lm
include "house/rules.invar" as house
signer team {{ key = {key} }}
require signature.by in {{team}}
tier balanced refines house.balanced {{ require kl.mean <= 1 nats }}
profile dev {{
  require windows.preview >= 6
  require windows.final >= 40
}}
"""


def test_what_is_included_and_who_signs_hold_to_the_end(bench: Bench, tmp_path: Path) -> None:
    made = run_invarlock("key", "new", tmp_path / "key").stdout
    fingerprint = made.split("fingerprint")[1].strip()
    policy, house = tmp_path / "team.invar", tmp_path / "house" / "rules.invar"
    house.parent.mkdir()
    house.write_text(POLICY)
    policy.write_text(CHILD.format(key=fingerprint))
    assert main(["policy", "check", str(policy)]) == 2
    assert main(["policy", "freeze", str(policy)]) == 0
    assert main(["policy", "check", str(policy)]) == 0

    run = tmp_path / "run"
    assert bench.evaluate(run, policy=policy).returncode == 0
    assert (run / "policy" / "include" / "house" / "rules.invar").read_text() == POLICY
    report = json.loads((run / "evaluation.report.json").read_bytes())
    gates = {gate["id"]: (gate["verdict"], gate["span"]["file"]) for gate in report["gates"]}
    assert gates["signature.by"] == ("pending", "policy/source.invar")
    assert gates["perplexity.ratio"] == ("pass", "policy/include/house/rules.invar")

    assert main(["attest", str(run), "--key", str(tmp_path / "key")]) == 0
    words = ["verify", str(run), "--key", str(tmp_path / "key.pub"), "--subject"]
    words += [str(bench.subject), "--policy", f"{policy}#balanced+dev"]
    assert main(words) == 0
    main(["key", "new", str(tmp_path / "other")])
    (run / "attestation.sigstore.json").unlink()
    assert main(["attest", str(run), "--key", str(tmp_path / "other")]) == 0
    assert main([w.replace("key.pub", "other.pub") for w in words]) == 1
