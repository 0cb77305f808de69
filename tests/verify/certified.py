"""Keyless bundles of one run, made by the real command against a Sigstore on the loopback."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from invarlock.cli import main
from tests.sigstore_double import GitHub, SigstoreDouble
from tests.sigstore_double.tokens import token
from tests.verify.runs import BAR, POLICY, Scene, case, documents, make_scene, report_of, signed

Answer = dict[str, Any]
Document = dict[str, Any]
LOGGED = POLICY.replace(b"signature.log       == no", b"signature.log == yes")
"""A bar that wants signatures in a log."""


def run_command(*words: object) -> tuple[int, Answer]:
    """The command as typed, with its JSON answer."""
    out = io.StringIO()
    with redirect_stdout(out):
        status = main([*map(str, words), "--format", "json"])
    return status, json.loads(out.getvalue())


@dataclass
class Certified:
    """A run, its signers and a consumer."""

    scene: Scene
    double: SigstoreDouble
    made: dict[str, Path] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        return self.scene.root

    @property
    def policy(self) -> str:
        return f"{self.root / 'logged.invar'}#{BAR[0]}+{BAR[1]}"

    def sign(self, who: GitHub | Answer, rekor: int = 2, *, stamped: bool = True) -> Path:
        """A bundle that ``who`` signs now."""
        claims = who.claims() if isinstance(who, GitHub) else who
        path = self.root / "run" / f"{len(self.made)}.sigstore.json"
        config = self.double.write(self.root, rekor, stamped=stamped)
        words = ["--sigstore", "--trust-config", config, "--identity-token", token(claims)]
        status, answer = run_command("attest", self.root / "run", *words, "--out", path)
        assert status == 0, answer
        self.made[path.name] = path
        return path

    def verify(self, bundle: Path, *words: object, root: Path | None = None) -> tuple[int, Answer]:
        """``verify`` with the double's root, and a bar that wants signatures in a log."""
        named = ("--trusted-root", root or self.double.write_root(self.root))
        subject = ("--subject", self.root / "subject", "--policy", self.policy)
        return run_command("verify", bundle, *subject, *named, *words)

    def changed(self, bundle: Path, change: Callable[[Document], object]) -> Path:
        """``bundle`` with ``change`` made to its JSON."""
        document = json.loads(bundle.read_bytes())
        change(document)
        path = self.root / "run" / "changed.sigstore.json"
        path.write_text(json.dumps(document))
        return path


def make_certified(root: Path, double: SigstoreDouble) -> Certified:
    scene = make_scene(root)
    files = documents(case())
    report = report_of(files).encode()
    scene.publish(files, report, signed(report))
    (root / "logged.invar").write_bytes(LOGGED)
    return Certified(scene, double)


def leaves(document: Any) -> Iterator[tuple[str, list[Any]]]:
    """Every value of a document by its path, with copies in which it is absent or another."""
    yield from _leaves(document, document, ())


def _leaves(whole: Any, node: Any, steps: tuple[str | int, ...]) -> Iterator[tuple[str, list[Any]]]:
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in items:
        place = (*steps, key)
        yield (
            ".".join(map(str, place)),
            [_without(whole, place)] + [_with(whole, place, other) for other in _others(value)],
        )
        if isinstance(value, dict | list):
            yield from _leaves(whole, value, place)


def _others(value: Any) -> list[Any]:
    match value:
        case str() if value:
            other = str(int(value) + 1) if value.isdigit() else "AB"[value[0] == "A"] + value[1:]
            return [other, "", None]
        case bool() | int():
            return [value + 1, -1]
        case list():
            return [[], value + value[:1]]
        case _:
            return [{}, None]


def _without(whole: Any, place: tuple[str | int, ...]) -> Any:
    copy = deepcopy(whole)
    del _at(copy, place[:-1])[place[-1]]
    return copy


def _with(whole: Any, place: tuple[str | int, ...], value: Any) -> Any:
    copy = deepcopy(whole)
    _at(copy, place[:-1])[place[-1]] = value
    return copy


def _at(node: Any, place: tuple[str | int, ...]) -> Any:
    for step in place:
        node = node[step]
    return node


def codes(answer: Answer) -> list[str]:
    """The codes of what was found but the warnings, or of the error."""
    if "findings" not in answer:
        return [answer["code"]]
    return [found["code"] for found in answer["findings"] if found["kind"] != "warning"]
