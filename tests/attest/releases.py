"""A release whose run was made here, taken through every step by its functionaries.

The run is synthetic (``tests.verify.runs``), so its `measure` link is signed by the functions that
the command line calls; compile, attest and verify go through the command line itself.
``tests/e2e/test_layout.py`` has all four on a run that was measured.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from invarlock.attest.attest_run import statement_of_run
from invarlock.attest.keys import load_private
from invarlock.attest.links import write_link
from invarlock.attest.steps import STEPS, measure_step, run_files
from invarlock.canonical import canonical_bytes
from invarlock.cli import main
from tests.verify.runs import (
    BAR,
    Scene,
    case,
    documents,
    make_scene,
    report_of,
    signed,
)

KEY_TYPES: Final = {
    "owner": "p256",
    "compile": "p256",
    "measure": "ed25519",
    "attest": "p256",
    "verify": "ed25519",
    "stranger": "p256",
}


@dataclass(frozen=True)
class Release:
    """A folder as the one who deploys has it: layout, links, ``subject``, ``run``."""

    scene: Scene

    @property
    def root(self) -> Path:
        return self.scene.root

    def key(self, who: str) -> Path:
        return self.root / "keys" / who

    def link(self, step: str, *words: object, by: str | None = None) -> int:
        """``invarlock advanced link``, by the functionary of ``step`` or another."""
        options = ["--key", str(self.key(by or step)), "--links", str(self.root)]
        return main(["advanced", "link", *options, *map(str, words)])

    def compile(self, **rest: Any) -> int:
        ir = self.root / "bar.ir.json"
        return self.link("compile", "policy", "compile", self.root / "bar.invar", "-o", ir, **rest)

    def measure(self, by: str = "measure") -> None:
        run = self.root / "run"
        report = statement_of_run(run)[0]
        done = measure_step(report, run_files(run, report))
        write_link(done, load_private(self.key(by)), self.root)

    def attest(self, **rest: Any) -> int:
        return self.link("attest", "attest", self.root / "run", "--key", self.root / "key", **rest)

    def verify(self, *extra: object, **rest: Any) -> int:
        policy = f"{self.root / 'bar.invar'}#{BAR[0]}+{BAR[1]}"
        options = ["--key", self.root / "key.pub", "--policy", policy]
        options += ["--subject", self.root / "subject", "--baseline", self.root / "baseline"]
        options += ["--data", self.root / "data.jsonl", *extra]
        return self.link("verify", "verify", self.root / "run", *options, **rest)

    def layout(self, expires: str = "2999-01-01", **instead: str) -> int:
        """Sign the layout; ``instead`` names another functionary for a step."""
        who = {step: instead.get(step, step) for step in STEPS}
        named = [f"{step}={self.key(name)}.pub" for step, name in who.items()]
        words = [word for pair in named for word in ("--functionary", pair)]
        out = ["--expires", expires, "--key", str(self.key("owner")), "-o"]
        return main(["advanced", "layout", *words, *out, str(self.root / "root.layout")])

    def check(self) -> None:
        """The reference implementation's verification, in the folder of the one who deploys."""
        from in_toto.models.metadata import Metadata
        from in_toto.verifylib import in_toto_verify
        from securesystemslib.signer import SSlibKey

        from invarlock.attest.keys import load_public

        owner = SSlibKey.from_crypto(load_public(self.root / "keys" / "owner.pub").key)
        layout = Metadata.load(str(self.root / "root.layout"))
        keys = {owner.keyid: {**owner.to_dict(), "keyid": owner.keyid}}
        here = Path.cwd()
        os.chdir(self.root)
        try:
            in_toto_verify(layout, keys, link_dir_path=str(self.root))
        finally:
            os.chdir(here)


def make_release(root: Path) -> Release:
    """Keys, a scene with a signed run, and no link yet."""
    for who, kind in KEY_TYPES.items():
        assert main(["key", "new", str(root / "keys" / who), "--type", kind]) == 0
    scene = make_scene(root)
    files = documents(case())
    report = canonical_bytes(report_of(files).model_dump(mode="json"))
    scene.publish(files, report, signed(report))
    return Release(scene)


def finish(release: Release) -> None:
    """Every step, in order, by its functionary; then the layout."""
    assert release.compile() == 0
    release.measure()
    assert release.attest() == 0
    assert release.verify() == 0
    assert release.layout() == 0
