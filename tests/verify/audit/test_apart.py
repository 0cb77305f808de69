"""What is wrong with one model says nothing of the others, and ends no audit."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from invarlock.verify.audit import AuditRequest, audit_models, engine
from invarlock.verify.request import VerifyRequest
from tests.verify.audit.conftest import Audit, put, states
from tests.verify.runs import Scene


def test_a_name_that_is_no_text(made: Scene, models: Path, audit: Audit) -> None:
    put(made, models / "good")
    put(made, Path(os.fsdecode(os.fsencode(models) + b"/odd\xff")))
    code, found = audit()
    assert (code, states(found)) == (0, {"good": "verified", "odd\\udcff": "verified"})
    put(made, Path(os.fsdecode(os.fsencode(models) + b"/bad\xff")), "failing")
    code, found = audit()
    assert (code, states(found)["bad\\udcff"]) == (1, "failed")


@contextmanager
def unprivileged() -> Iterator[None]:
    """As somebody whom permissions bind."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_model_without_permission_is_unreadable_alone(made: Scene) -> None:
    with tempfile.TemporaryDirectory() as name:  # below which everybody may look
        root = Path(name)
        root.chmod(0o755)
        for arm in ("good", "shut"):
            put(made, root / "models" / arm)
        for file in ("key.pub", "bar.invar"):
            shutil.copy(made.root / file, root)
        bar = str(made.request.policy).rpartition("#")[2]
        policy = f"{root / 'bar.invar'}#{bar}"
        request = AuditRequest(
            root / "models",
            VerifyRequest(bundle=root, keys=(root / "key.pub",), policy=policy),
        )
        assert audit_models(request).exit_code == 0
        (root / "models/shut").chmod(0o444)  # names can be read, and nothing of them
        with unprivileged():
            found = audit_models(request)
        (root / "models/shut").chmod(0o755)
    assert found.exit_code == 6
    told = [(model.path, model.state, model.code) for model in found.models]
    assert told == [("good", "verified", None), ("shut", "unreadable", "E602")]


def test_what_the_system_refuses_is_one_models_state(
    made: Scene, models: Path, audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(made, models / "bad")
    put(made, models / "good")
    read = engine.tree_of

    def failing(path: Path) -> Any:
        if path.name == "bad":
            raise OSError(errno.EIO, "Input/output error")
        return read(path)

    assert audit()[0] == 0
    monkeypatch.setattr(engine, "tree_of", failing)
    code, found = audit()
    assert (code, states(found)) == (6, {"bad": "unreadable", "good": "verified"})
    assert found["models"][0]["code"] == "E602"
