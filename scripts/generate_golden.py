#!/usr/bin/env python3
"""Write the golden attestations in attest/golden/: what every later version must still accept.

    python scripts/generate_golden.py            writes the folder of this version
    python scripts/generate_golden.py --check    exits 1 when it is not what the code says

The run is synthetic: nothing was measured. Its evidence is made once, from a seeded generator, and
then kept, for generators and processors differ in the last digit. So are keyless bundles and the
summary (`golden_kept.py`); everything else follows. The key is made from public bytes: it signs
nothing but this.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: E402
    Ed25519PrivateKey,
)

from invarlock.attest.bundle import sign_bundle  # noqa: E402
from invarlock.attest.companions import companion_bytes  # noqa: E402
from invarlock.attest.keys import PrivateKey, public_key, public_pem  # noqa: E402
from invarlock.attest.registration import registration_bytes, registration_of  # noqa: E402
from invarlock.attest.statement import statement_bytes, statement_of  # noqa: E402
from invarlock.canonical import digest_bytes  # noqa: E402
from invarlock.policy import compile_policy  # noqa: E402
from scripts.golden_kept import kept  # noqa: E402
from tests.builders import DATA, Synthetic  # noqa: E402
from tests.verify import runs  # noqa: E402

GOLDEN: Final = ROOT / "attest" / "golden" / "v1"
SPECIFICATION: Final = ROOT / "attest" / "evaluation-v1.md"
OPEN: Final = "<!-- generated: example -->"
CLOSE: Final = "<!-- end of example -->"
SEED: Final = b"invarlock golden test key, v1..."
POLICY: Final = """invar 1
policy golden "1.0.0"

task = causal_lm
windows { length = 9 tokens }
estimate.minimum = 8

signer golden { key = FINGERPRINT }
require signature.by      in {golden}
require runtime.isolation in {sandbox}
require runtime.network   == off
require tokenizer.same    == yes

tier balanced {
  require perplexity.ratio            <= 1.10
  require perplexity.ratio on "prose" <= 1.20
  warn    kl.mean                     <= 0.05 nats
  require top1.agreement              >= 90%
  require invariants.non_finite       == 0
  require spectral.shift on each family <= 0.05 nats
}
profile dev {
  require windows.preview    >= 12
  require windows.final      >= 24
  require estimate.resamples >= 200
}
"""

KEYED: Final = "signer golden { key = FINGERPRINT }"
KEYLESS: Final = """signer golden {
  repository = "https://github.com/acme/models"
  workflow   = "acme/models/.github/workflows/release.yml"
  ref        = "refs/tags/v1"
  issuer     = "https://token.actions.githubusercontent.com"
}
require signature.log     == yes"""
"""The signer of the consumer who wants a workflow's word, and it in a log."""
BAR: Final = ("balanced", "dev")


@dataclass(frozen=True)
class Kept:
    """Evidence that is there already, where a synthetic case would make it."""

    parts: Mapping[str, bytes]

    def files(self) -> dict[str, bytes]:
        return dict(self.parts)


def golden_key() -> PrivateKey:
    """The key that signs here, made from public bytes."""
    private = Ed25519PrivateKey.from_private_bytes(SEED)
    return PrivateKey(private, public_key(private.public_key(), "golden"))


def evidence(policy: bytes) -> Synthetic:
    """The evidence that is kept, or, where there is none yet, that of a synthetic case."""
    folder = GOLDEN / "run" / "evidence"
    if folder.is_dir():
        parts = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
        return cast(Synthetic, Kept(parts))
    compiled = compile_policy(policy, filename="source.invar")
    return runs.case(policy=compiled)


def outputs() -> dict[Path, bytes]:
    """Every file of the golden folder, and what it must hold."""
    key = golden_key()
    policy = POLICY.replace("FINGERPRINT", key.public.fingerprint).encode()
    compiled = compile_policy(policy, filename="source.invar")
    files = runs.documents(evidence(policy), compiled)
    report = runs.report_of(files)
    data = report.encode()
    statement = statement_of(report, digest_bytes(data))
    registration = registration_of(compiled, *compiled.bar(*BAR), statement.predicate.tool)
    payload = statement_bytes(statement)
    written = {
        "key.pub": public_pem(key.public),
        "policy.invar": policy,
        "keyless/policy.invar": POLICY.replace(KEYED, KEYLESS).encode(),
        "registration.sigstore.json": sign_bundle(registration_bytes(registration), key),
        "data.jsonl": DATA,
        "statement.json": payload,
        "run/evaluation.report.json": data,
        "run/attestation.sigstore.json": sign_bundle(payload, key),
        **{f"run/{name}": content for name, content in files.items()},
        **{
            f"{kind}.statement.json": companion_bytes(kind, statement)
            for kind in ("test-result", "eval-result")
        },
    }
    for arm, models in runs.MODELS.items():
        written |= {f"{arm}/{name}": content for name, content in models.items()}
    written |= kept(GOLDEN, written, key, "+".join(BAR))
    return {GOLDEN / name: content for name, content in written.items()}


def example(specification: str, payload: bytes) -> str:
    """The specification with the golden statement as its example."""
    if OPEN not in specification:
        raise SystemExit(f"{SPECIFICATION.name} lacks `{OPEN}`")
    shown: Any = json.loads(payload)
    block = f"{OPEN}\n\n```json\n{json.dumps(shown, indent=2)}\n```\n\n{CLOSE}"
    pattern = re.escape(OPEN) + r".*?" + re.escape(CLOSE)
    return re.sub(pattern, lambda _: block, specification, count=1, flags=re.DOTALL)


def wanted() -> dict[Path, bytes]:
    """The golden folder, and the specification that shows its statement."""
    made = outputs()
    text = SPECIFICATION.read_text("utf-8")
    shown = example(text, made[GOLDEN / "statement.json"])
    return {**made, SPECIFICATION: shown.encode("utf-8")}


def main(arguments: list[str]) -> int:
    made = wanted()
    present = {path for path in GOLDEN.rglob("*") if path.is_file()}
    stale = [p for p, data in made.items() if not p.exists() or p.read_bytes() != data]
    stale += sorted(present - set(made))
    if "--check" in arguments:
        for path in stale:
            print(f"stale: {path.relative_to(ROOT)}")
        return 1 if stale else 0
    for path in present - set(made):
        path.unlink()
    for path, data in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    print(f"{len(stale)} files written anew")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
