"""The consumers' keyless command lines, as they stand, against a Sigstore on the loopback."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.attest.examples.reading import EXAMPLES, commands
from tests.sigstore_double import GitHub, SigstoreDouble
from tests.verify.certified import LOGGED, Certified, codes, make_certified, run_command

TAG = "v1.2.0"
RELEASED = GitHub(ref=f"refs/tags/{TAG}")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, sigstore_double: SigstoreDouble) -> Certified:
    """A consumer's folder, with everything where the examples look for it."""
    desk = make_certified(tmp_path_factory.mktemp("consumer"), sigstore_double)
    (desk.root / "policies").mkdir()
    for place in ("gate.invar", "policies/gate.invar"):
        (desk.root / place).write_bytes(LOGGED.replace(b"profile dev", b"profile ci"))
    (desk.root / "key").rename(desk.root / "gate.key")
    return desk


def command(name: str, desk: Certified) -> list[str]:
    (words,) = (words for words in commands(EXAMPLES / name) if "--identity" in words)
    known = {
        "$TAG": TAG,
        "$RUNNER_TEMP": str(desk.root),
        "$FOLDER": str(desk.root / "subject"),
        "/srv/models/edited": str(desk.root / "subject"),
    }
    for what, value in known.items():
        words = [word.replace(what, value) for word in words]
    return [*words, "--trusted-root", str(desk.double.write_root(desk.root))]


@pytest.mark.parametrize("name", ["github/consume.yml", "registry/pull.sh"])
@pytest.mark.parametrize("rekor", [1, 2])
def test_the_gate_takes_the_release_and_nothing_else(
    desk: Certified, monkeypatch: pytest.MonkeyPatch, name: str, rekor: int
) -> None:
    monkeypatch.chdir(desk.root)
    others = [
        GitHub(ref="refs/tags/v1.2.1"),
        GitHub(repository="acme/fork", ref=RELEASED.ref),
        GitHub(ref=RELEASED.ref, workflow=".github/workflows/other.yml"),
    ]
    for who, wanted in ((RELEASED, 0), *((other, 4) for other in others)):
        signed = desk.sign(who, rekor).read_bytes()
        for place in (Path("attestation.sigstore.json"), Path("run/attestation.sigstore.json")):
            place.write_bytes(signed)
        Path("summary.sigstore.json").unlink(missing_ok=True)
        status, answer = run_command(*command(name, desk))
        assert status == wanted, answer
        assert codes(answer) == ([] if wanted == 0 else ["E420"])
