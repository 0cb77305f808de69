"""Whole synthetic runs on disk, and forgers who change them.

Nothing is measured here; everything else is the real thing: compiled policy, evidence bytes,
report, statement, signature.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    derive_private_key,
)
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, PublicFormat

from invarlock.attest.bundle import sign_bundle
from invarlock.attest.keys import load_private
from invarlock.attest.statement import statement_bytes, statement_of
from invarlock.bom.document import MLBOM_FILE, SBOM_FILE, Version
from invarlock.bom.environment import Environment, Installed
from invarlock.bom.models import mlbom_of
from invarlock.bom.software import sbom_of
from invarlock.bom.written import ran_of
from invarlock.canonical import canonical_bytes, digest_bytes
from invarlock.evidence import store
from invarlock.evidence.schema import Beacon, RuntimeFacts
from invarlock.judge.records import FileRecord, Report
from invarlock.judge.report import ReportInputs, build_report, policy_record
from invarlock.judge.sources import compile_again, gate_places, policy_files
from invarlock.policy import Compiled, compile_policy
from invarlock.security.manifest import (
    CONNECT_TRIALS,
    NAMESPACES,
    READ_TRIALS,
    WRITE_TRIALS,
    RuntimeManifest,
    runtime_facts,
)
from invarlock.verify.engine import verify_bundle
from invarlock.verify.request import VerifyRequest
from invarlock.verify.result import VerificationResult
from tests.builders import (
    BASELINE_FILES,
    DATA,
    SUBJECT_FILES,
    Synthetic,
    edited,
    make_declared,
    make_subject_tensors,
)

Json = Any


def signing_key() -> EllipticCurvePrivateKey:
    """The key that signs here: always the same one, so that a policy can name it."""
    return derive_private_key(78, SECP256R1())


def fixed_key(path: Path) -> None:
    """Write the signing key and its public half as `invarlock key new` would."""
    key = signing_key()
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    path.with_name(path.name + ".pub").write_bytes(public)


FINGERPRINT = digest_bytes(
    signing_key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
)
POLICY = b"""invar 1
policy test "1.0.0"

task = causal_lm
windows { length = 9 tokens }
estimate.minimum = 8

signer team { key = FINGERPRINT }
signer release {
  repository = "https://github.com/acme/models"
  workflow   = "acme/models/.github/workflows/release.yml"
  ref        = "refs/tags/*"
  issuer     = "https://token.actions.githubusercontent.com"
}
require signature.by        in {team, release}
require signature.log       == no
require tokenizer.same      == yes
require runtime.isolation   in {sandbox}
require runtime.network     == off
require runtime.remote_code == off
require runtime.pickle      == off
require runtime.plugins     == off
require windows.match       == 100%
require windows.overlap     == 0%

tier balanced {
  require perplexity.ratio            <= 1.10
  require perplexity.ratio on "prose" <= 1.20
  require perplexity.drift            in [0.9, 1.1]
  require perplexity.drift on "prose" in [0.5, 2]
  require perplexity.tail.p95         <= 0.20 nats
  warn    kl.mean                     <= 0.05 nats
  require top1.agreement              >= 90%
  require delta_p.mean.point          >= -1 pp
  require invariants.non_finite       == 0
  require invariants.structure        == 0
  require spectral.shift              <= 0.05 nats
  require spectral.shift on attn      <= 0.05 nats
  require spectral.shift on each family <= 0.05 nats
}
profile dev {
  require windows.preview    >= 30
  require windows.final      >= 36
  require estimate.resamples >= 200
}
""".replace(b"FINGERPRINT", FINGERPRINT.encode())
ASKING = POLICY.replace(b"length = 9 tokens", b"length = 9 tokens; beacon = required")
"""The same, whose schedule waits for a beacon."""
BEACON = Beacon(value="sha256:" + "1" * 64, source="round 4711")
BAR = ("balanced", "dev")
MODELS = {
    "baseline": {
        "config.json": b"{}",
        "model.safetensors": b"baseline",
        "tokenizer.json": b"{}",
    },
    "subject": {"config.json": b"{}", "model.safetensors": b"subject", "tokenizer.json": b"{ }"},
}


def compiled() -> Compiled:
    return compile_policy(POLICY, filename="source.invar")


def loaded(prefix: str) -> list[str]:
    return [f"{prefix}/{name}" for name in sorted(MODELS["baseline"])]


def manifest() -> Json:
    """What a closed sandbox gives, as JSON."""
    inside = {
        "user": 65534,
        "interfaces": ["lo"],
        "routes": 0,
        "connect": dict.fromkeys(CONNECT_TRIALS, "EPERM"),
        "write": dict.fromkeys(WRITE_TRIALS, "EROFS"),
        "read": dict.fromkeys(READ_TRIALS, "ENOENT"),
        "nested_user_namespace": "EPERM",
        "capabilities": "0",
        "no_new_privileges": 1,
        "seccomp": 2,
        "limits": {"core": "0"},
        "environment": ["HOME", "PATH"],
    }
    kinds = ("inheritable", "permitted", "effective", "bounding", "ambient")
    outside = {
        "separate": dict.fromkeys(NAMESPACES, True),
        "interfaces": ["lo"],
        "routes": 0,
        "capabilities": dict.fromkeys(kinds, "0"),
        "no_new_privileges": 1,
        "seccomp": 2,
        "root_read_only": True,
        "writable": ["/out", "/tmp"],
        "writable_elsewhere": 0,
    }
    one = digest_bytes(b"tool")
    tool = {
        "kernel": "6.1",
        "bwrap_version": "0.8.0",
        "bwrap_sha256": one,
        "argv_digest": one,
        "seccomp_sha256": one,
    }
    arm = {
        "reused": False,
        "bytes_binding": "sealed",
        "inputs": sorted(["data.jsonl", "job.json", *loaded("model")]),
        "observed_inside": inside,
        "observed_outside": outside,
        "refused": {"connections": 0, "permissions": 0},
        "tool": tool,
    }
    asked = {"network": "off", "remote_code": "off", "pickle": "off", "plugins": "off"}
    subject = json.loads(json.dumps(arm))
    left = ["baseline.activations.json", "baseline.i64", "hidden.f32", "positions.u32"]
    left += ["windows.json", "windows.u32"]
    subject["inputs"] = sorted([*arm["inputs"], *left, *loaded("baseline")])
    return {
        "version": "invarlock.runtime/1",
        "work": "measure",
        "requested": {"execution_mode": "auto", **asked},
        "arms": {"baseline": [arm], "subject": [subject]},
    }


def case(
    *, worse: float = 0.01, policy: Compiled | None = None, of: tuple[str, str] = BAR
) -> Synthetic:
    """Evidence under the bar ``of`` the policy, with a subject ``worse`` nats a token higher."""
    bar = (policy or compiled()).bar(*of)[1]
    plain = Synthetic(
        bar=bar,
        documents=24,
        per_document=3,
        subject_tensors=make_subject_tensors(shift=10_000_000),
    )
    return replace(plain, columns=edited(plain.rows, worse=worse))


Documents = dict[str, bytes]
"""A run's files by path, all but the report and the attestation."""


def documents(
    synthetic: Synthetic, policy: Compiled | None = None, of: tuple[str, str] = BAR
) -> Documents:
    policy = policy or compiled()
    bar = policy.bar(*of)[1]
    files = {
        **{f"evidence/{name}": data for name, data in synthetic.files().items()},
        **policy_files(policy),
        "policy/bar.ir.json": canonical_bytes(bar.document()),
        "policy/policy.ir.json": canonical_bytes(policy.ir.document()),
        "runtime.manifest.json": canonical_bytes(manifest()),
    }
    return with_boms(files, report_of(files, of))


INSTALLED = Environment(
    python="3.12.1",
    interpreter=digest_bytes(b"python"),
    installed=(
        Installed("invarlock", "0.1.0", None),
        Installed("numpy", "2.4.6", digest_bytes(b"RECORD")),
    ),
)


def with_boms(
    files: Documents,
    report: Report | None = None,
    *,
    version: Version = "1.6",
    environment: Environment = INSTALLED,
) -> Documents:
    """The files with the bills of materials that ``report`` gives, or that they give themselves."""
    bare = {name: data for name, data in files.items() if name not in {MLBOM_FILE, SBOM_FILE}}
    report = report or report_of(bare)
    seen = RuntimeManifest.model_validate_json(files["runtime.manifest.json"])
    sbom = canonical_bytes(sbom_of(ran_of(report, seen), environment, version))
    mlbom = canonical_bytes(mlbom_of(report, version, digest_bytes(sbom)))
    return {**bare, MLBOM_FILE: mlbom, SBOM_FILE: sbom}


def fitting_boms(files: Documents, report: bytes) -> Documents:
    """The files, with bills that fit a forged report, if it is one."""
    try:
        return with_boms(files, Report.model_validate_json(report))
    except (ValueError, TypeError):
        return files


def records(files: Documents) -> tuple[FileRecord, ...]:
    found = (
        FileRecord(path=name, size=len(data), digest=digest_bytes(data))
        for name, data in files.items()
    )
    return tuple(sorted(found, key=lambda record: record.path))


def report_of(files: Documents, of: tuple[str, str] = BAR) -> Report:
    """The report that honest files give, or that a consistent forger builds."""
    policy = compile_again(files)
    name, bar = policy.bar(*of)
    seen = RuntimeManifest.model_validate_json(files["runtime.manifest.json"])
    facts = RuntimeFacts.model_validate(runtime_facts(seen))
    parts = {n.removeprefix("evidence/"): d for n, d in files.items() if n.startswith("evidence/")}
    return build_report(
        ReportInputs(
            evidence=store.read_evidence(parts, facts),
            policy=policy_record(policy, name, bar),
            bar=bar,
            spans=gate_places(policy, name),
            baseline_files=BASELINE_FILES,
            subject_files=SUBJECT_FILES,
            run_files=records(files),
            declared=make_declared(),
        )
    )


@dataclass(frozen=True)
class Scene:
    """A signer, a consumer, and the artifacts both have."""

    root: Path

    @property
    def request(self) -> VerifyRequest:
        """What a careful consumer asks."""
        return VerifyRequest(
            bundle=self.root / "run" / "attestation.sigstore.json",
            keys=(self.root / "key.pub",),
            subject=self.root / "subject",
            baseline=self.root / "baseline",
            data=self.root / "data.jsonl",
            policy=f"{self.root / 'bar.invar'}#{BAR[0]}+{BAR[1]}",
        )

    def publish(self, files: Documents, report: bytes, statement: bytes) -> None:
        """Write the run as it is claimed to be, signed with the trusted key."""
        run = self.root / "run"
        bundle = sign_bundle(statement, load_private(self.root / "key"))
        everything = {
            **files,
            "evaluation.report.json": report,
            "attestation.sigstore.json": bundle,
        }
        for name, data in everything.items():
            path = run / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def verify(self, **changes: Any) -> VerificationResult:
        return verify_bundle(replace(self.request, **changes))


def make_scene(root: Path) -> Scene:
    fixed_key(root / "key")
    for arm, files in MODELS.items():
        (root / arm).mkdir()
        for name, data in files.items():
            (root / arm / name).write_bytes(data)
    (root / "data.jsonl").write_bytes(DATA)
    (root / "bar.invar").write_bytes(POLICY)
    return Scene(root)


def signed(report: bytes) -> bytes:
    """The statement that `attest` makes of a report."""
    return statement_bytes(statement_of(Report.model_validate_json(report), digest_bytes(report)))


def refresh(files: Documents, report: Mapping[str, Json]) -> tuple[Documents, bytes]:
    """A hasty forger's work: every digest made to fit, and no value computed again."""
    header = json.loads(files["evidence/evidence.json"])
    for part in header["parts"]:
        header["parts"][part] = digest_bytes(files[f"evidence/{part}"])
    fitting = {**files, "evidence/evidence.json": _written(header)}
    found = {**report, "evidence_digest": digest_bytes(fitting["evidence/evidence.json"])}
    fitting = fitting_boms(fitting, _written(found))
    return fitting, relisted(fitting, found)


def relisted(files: Documents, report: Mapping[str, Json]) -> bytes:
    """The report with its list of files made to fit."""
    return _written({**report, "files": [one.model_dump(mode="json") for one in records(files)]})


def _written(value: Json) -> bytes:
    """In canonical form, or, where a number is past what that carries, as Python writes it."""
    try:
        return canonical_bytes(value)
    except TypeError:
        return json.dumps(value).encode()
