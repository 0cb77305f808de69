"""A run that verifies, and what an attacker may do with it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from invarlock.attest.bundle import sign_bundle
from invarlock.attest.keys import load_private
from invarlock.canonical import canonical_bytes
from invarlock.verify.result import VerificationResult
from tests.verify.runs import Documents, Scene, case, documents, make_scene, report_of, signed

Json = Any
REPORT = "evaluation.report.json"
BUNDLE = "attestation.sigstore.json"


@dataclass
class Desk:
    """An honest run on disk, signed by a key that the consumer trusts.

    ``worse`` is in nats a token: at 0.01 the run passes, at 0.4 it fails.
    """

    root: Path
    worse: float = 0.01
    files: Documents = field(init=False)
    report: bytes = field(init=False)
    scene: Scene = field(init=False)

    def __post_init__(self) -> None:
        self.scene = make_scene(self.root)
        self.files = documents(case(worse=self.worse))
        self.report = report_of(self.files).encode()
        self.publish(self.files, self.report, signed(self.report))

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def statement(self) -> Json:
        return json.loads(signed(self.report))

    def publish(self, files: Documents, report: bytes, statement: bytes) -> None:
        self.scene.publish(files, report, statement)

    def resign(self, change: Callable[[Json], object]) -> None:
        """Change the statement, and sign it with the trusted key."""
        changed = self.statement
        change(changed)
        self.publish(self.files, self.report, canonical_bytes(changed))

    def rewrite(self, change: Callable[[Json], object]) -> None:
        """Change the bundle's JSON, and sign nothing."""
        path = self.run / BUNDLE
        bundle = json.loads(path.read_bytes())
        change(bundle)
        path.write_text(json.dumps(bundle))

    def raw(self, payload: bytes) -> None:
        """Sign these very bytes with the trusted key."""
        (self.run / BUNDLE).write_bytes(sign_bundle(payload, load_private(self.root / "key")))

    def rereport(self, change: Callable[[Json], object]) -> None:
        """Change the report, and sign the statement that `attest` makes of it."""
        report = json.loads(self.report)
        change(report)
        data = canonical_bytes(report)
        self.publish(self.files, data, signed(data))

    def tampered(self, change: Callable[[Json], object]) -> None:
        """Change the payload inside the bundle, keeping the signature."""

        def payload(bundle: Json) -> None:
            envelope = bundle["dsseEnvelope"]
            statement = json.loads(base64.b64decode(envelope["payload"]))
            change(statement)
            envelope["payload"] = base64.b64encode(canonical_bytes(statement)).decode()

        self.rewrite(payload)

    def swap(self, name: str, data: bytes) -> None:
        """Replace one file of the run on disk, and nothing else."""
        (self.run / name).write_bytes(data)

    def document(self, name: str) -> Json:
        return json.loads(self.files[name])

    def verify(self, changes: Mapping[str, Any] | None = None) -> VerificationResult:
        return self.scene.verify(**(changes or {}))


@dataclass(frozen=True)
class Attack:
    """What an attacker does, and how it is refused.

    ``do`` returns what the consumer asks differently, if he does; ``control`` is asked before, of
    the untouched run, and passes. ``code`` and ``says`` are the reason that must be given.
    """

    name: str
    do: Callable[[Desk], Mapping[str, Any] | None]
    code: str
    says: str
    exit_code: int = 4
    worse: float = 0.01
    control: Callable[[Desk], Mapping[str, Any]] = lambda _: {}

    @property
    def control_exit(self) -> int:
        return 1 if self.worse > 0.1 else 0
