"""Models as a hub's cache and an image registry's mirror lay them out."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from tests.verify.audit.conftest import Audit, put, states
from tests.verify.runs import Scene


def mirrored(made: Scene, models: Path) -> Path:
    """A snapshot in a Hugging Face cache: links, named for their revision, into blobs."""
    repository = models / "hub" / "models--acme--small"
    snapshot = repository / "snapshots" / ("c" * 40)
    snapshot.mkdir(parents=True)
    (repository / "blobs").mkdir()
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("c" * 40)
    for path in (made.root / "subject").iterdir():
        blob = hashlib.sha256(path.read_bytes()).hexdigest()
        shutil.copy(path, repository / "blobs" / blob)
        (snapshot / path.name).symlink_to(f"../../blobs/{blob}")
    return snapshot


def test_a_hugging_face_cache(made: Scene, models: Path, audit: Audit, tmp_path: Path) -> None:
    """One model; attested from elsewhere, or in a folder in or beside the snapshot."""
    snapshot = mirrored(made, models)
    name = snapshot.relative_to(models).as_posix()
    code, found = audit()
    assert (code, states(found), found["skipped"]) == (3, {name: "unsigned"}, [])
    shutil.copytree(made.root / "run.kept", tmp_path / "store" / "run")
    code, found = audit("--attestations", str(tmp_path / "store"))
    assert (code, states(found)) == (0, {name: "verified"})
    shutil.copytree(made.root / "run.kept", snapshot / ".invarlock")
    assert audit()[0] == 0
    shutil.rmtree(snapshot / ".invarlock")
    shutil.copytree(made.root / "run.kept", snapshot.with_name(snapshot.name + ".invarlock"))
    assert audit()[0] == 0
    weights = snapshot / "model.safetensors"
    weights.resolve().write_bytes(b"other weights")
    code, found = audit()
    assert (code, states(found), found["models"][0]["code"]) == (4, {name: "refused"}, "E403")
    weights.unlink()
    weights.symlink_to("../../../elsewhere")
    code, found = audit()
    assert (code, states(found), found["models"][0]["code"]) == (5, {name: "unsafe"}, "E205")


def test_images_unpacked_and_packed(made: Scene, models: Path, audit: Audit) -> None:
    """Models below registry, repository and digest; what is still packed is not seen, nor green."""
    layout = models / "packed" / "blobs" / "sha256"
    layout.mkdir(parents=True)
    (layout.parent.parent / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (layout.parent.parent / "index.json").write_text('{"schemaVersion":2,"manifests":[]}')
    data = (made.root / "subject" / "model.safetensors").read_bytes()
    (layout / hashlib.sha256(data).hexdigest()).write_bytes(data)
    code, found = audit()
    assert (code, states(found)) == (3, {})
    name = "registry.example/acme/small@sha256:" + "d" * 64
    put(made, models / name)
    code, found = audit()
    assert (code, states(found)) == (0, {name: "verified"})
