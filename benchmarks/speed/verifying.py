"""What verifying costs: a cold process, many bundles in one, and hashing a model's shards."""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.speed.evaluation import HERE, VERDICTS, command
from benchmarks.speed.material import Material
from benchmarks.speed.printed import Lines
from benchmarks.speed.process import INVARLOCK, PYTHON, Ran, call
from tests.sigstore_double import GitHub, SigstoreDouble
from tests.sigstore_double.tokens import token

ROUNDS: Final = 15
BUNDLES: Final = 1000
SHARDS: Final = 8
SHARD_BYTES: Final = 1 << 28
LIBRARIES: Final = (
    "import os; os.environ.update(OPENBLAS_NUM_THREADS='1', PYDANTIC_DISABLE_PLUGINS='__all__');"
    "import click, numpy; from pydantic import BaseModel;"
    "from cryptography.hazmat.primitives.asymmetric import ec, ed25519;"
    "from cryptography.hazmat.primitives import serialization; type('M', (BaseModel,), {})"
)
"""What a verification cannot do without, imported as it is there; one model makes pydantic load."""


def verifying(material: Material, lines: Lines, rounds: int) -> None:
    """`verify` of a run of SmolLM2 with a key, bundles by the thousand, and sha256 of 2 GiB."""
    run = attested_run(material)
    _cold(material, run, lines)
    _many(material, run, lines, rounds)
    _hashing(material.work / "sharded", lines, rounds)


def attested_run(material: Material) -> Path:
    """A run of SmolLM2 and its careful edit under `balanced+dev`, signed with ``work/key``."""
    run, key = material.work / "run-verified", material.work / "key"
    models = (material.baseline, material.subjects["careful"])
    argv = command(material, "balanced+dev", models, run)
    call([*argv, "--cache", str(material.work / "kept")], allowed=VERDICTS)
    call([INVARLOCK, "key", "new", str(key)])
    call([INVARLOCK, "attest", str(run), "--key", str(key)])
    return run


def _cold(material: Material, run: Path, lines: Lines) -> None:
    """To `judged` under the consumer's bar, beside a bare interpreter and one that imports the same
    libraries, in turns, so that noise meets all."""
    report = json.loads((run / "evaluation.report.json").read_bytes())
    verify = [INVARLOCK, "verify", str(run / "attestation.sigstore.json")]
    verify += ["--policy", f"{material.policy}#balanced+dev", "--key", f"{material.work}/key.pub"]
    asked = {
        "python": [PYTHON, "-c", "pass"],
        "libraries": [PYTHON, "-c", LIBRARIES],
        "digest": [*verify, "--subject-digest", report["subject"]["digest"]],
        "hashed": [*verify, "--subject", str(material.subjects["careful"])],
        "keyless": [*_keyless(material, run), "--subject-digest", report["subject"]["digest"]],
    }
    ran: dict[str, list[Ran]] = {name: [] for name in asked}
    for argv in asked.values():
        call(argv, allowed=VERDICTS)
    for _ in range(ROUNDS):
        for name, argv in asked.items():
            ran[name].append(call(argv, allowed=VERDICTS))
    walls = {name: statistics.median(one.wall for one in found) for name, found in ran.items()}
    cold = walls["digest"]
    lines.figure("verify to judged, key, cold process", f"{cold:.3f} s", "<= 0.25 s")
    lines.figure("  over its target", f"{cold / 0.25:.2f}", "<= 1")
    lines.figure("  processor time", f"{_worked(ran['digest']):.3f} s")
    alone = _worked(ran["digest"]) / _worked(ran["libraries"])
    lines.figure("  processor time over that of its libraries", f"{alone:.2f}")
    peak = max(one.peak for one in ran["digest"])
    lines.figure("  peak memory", f"{peak / 1e6:.0f} MB", "<= 90 MB")
    lines.figure("  its libraries alone, imported", f"{walls['libraries']:.3f} s")
    lines.figure("  python -c pass", f"{walls['python']:.3f} s")
    lines.figure("  with the subject's 538 MB hashed anew", f"{walls['hashed']:.3f} s")
    keyless = walls["keyless"]
    lines.figure("verify to judged, keyless, offline, cold process", f"{keyless:.3f} s", "<= 0.6 s")
    lines.figure("  over its target", f"{keyless / 0.6:.2f}", "<= 1")
    lines.figure("  processor time", f"{_worked(ran['keyless']):.3f} s")


def _keyless(material: Material, run: Path) -> list[str]:
    """`verify` of the same run as a workflow signed it, logged by Rekor v2, and stamped.

    That Sigstore has ended when the bundle is verified.
    """
    signer, bundle = GitHub(), run / "keyless.sigstore.json"
    with SigstoreDouble() as double:
        root = double.write_root(material.work)
        attest = [INVARLOCK, "attest", str(run), "--sigstore", "--out", str(bundle)]
        attest += ["--trust-config", str(double.write(material.work))]
        call([*attest, "--identity-token", token(signer.claims())])
    words = [INVARLOCK, "verify", str(bundle), "--policy", f"{material.policy}#balanced+dev"]
    words += ["--identity", signer.identity, "--issuer", signer.issuer]
    return [*words, "--trusted-root", str(root)]


def _worked(ran: Sequence[Ran]) -> float:
    return statistics.median(one.worked for one in ran)


def _many(material: Material, run: Path, lines: Lines, rounds: int) -> None:
    """As many run folders one after another in one process, which begins to count when it has
    imported all."""
    argv = [PYTHON, str(HERE / "many_bundles.py"), str(run), f"{material.work}/key.pub"]
    argv += [str(material.work / "bundles"), str(BUNDLES)]
    ran = [json.loads(call(argv).printed) for _ in range(rounds)]
    name = f"{BUNDLES:,} bundles in one process, to bound, a second"
    lines.figure(name, f"{statistics.median(one['rate'] for one in ran):.0f}", ">= 300")
    worked = statistics.median(one["worked"] for one in ran)
    lines.figure("  a second of its processor's time", f"{worked:.0f}")


def _hashing(folder: Path, lines: Lines, rounds: int) -> None:
    """A model of eight shards in the page cache, against hashlib over as many threads."""
    folder.mkdir()
    for shard in range(SHARDS):
        block = os.urandom(1 << 20)
        with (folder / f"model-{shard}.safetensors").open("wb") as file:
            for _ in range(SHARD_BYTES >> 20):
                file.write(block)
    tried: dict[str, list[float]] = {"hashlib": [], "tree_of": []}
    for number in range(rounds + 1):
        for which, found in tried.items():
            argv = [PYTHON, str(HERE / "hash_folder.py"), which, str(folder)]
            seconds = json.loads(call(argv).printed)["seconds"]
            if number:  # the first fills the page cache
                found.append(seconds)
    ratios = [ours / theirs for ours, theirs in zip(*reversed(tried.values()), strict=True)]
    whole, rate = SHARDS * SHARD_BYTES, statistics.median(tried["tree_of"])
    lines.say(f"  {whole / 1e9:.2f} GB at {whole / rate / 1e9:.2f} GB/s")
    name = "sha256 of a sharded model / hashlib in as many threads"
    lines.figure(name, f"{statistics.median(ratios):.3f}", "<= 1.05")
