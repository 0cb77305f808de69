"""What an example says of itself, which commands it runs, and what it deploys."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
import pytest
import yaml

from invarlock.cli import cli
from invarlock.data import data_folder

Json = Any
ATTEST: Final = data_folder("attest")
EXAMPLES: Final = ATTEST / "examples"
INDEX: Final = EXAMPLES / "README.md"
FILES: Final = sorted(p for p in EXAMPLES.rglob("*") if p.is_file() and p != INDEX)
YAML: Final = tuple(p for p in FILES if p.suffix in {".yml", ".yaml"})
TEXTS: Final = (*sorted(ATTEST.rglob("*.md")), *(p for p in FILES if p.suffix in {".sh", ".rego"}))
_OPERATORS: Final = frozenset({"||", "&&", "|", ";", ">", ">>", "&"})
_USES: Final = re.compile(r"^\s*(?:-\s+)?uses:\s*(?P<what>\S+)(?P<tail>.*)$", re.MULTILINE)
_PINNED: Final = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")
_BLOCK: Final = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def name_of(path: Path) -> str:
    return path.relative_to(ATTEST).as_posix()


def header(text: str) -> dict[str, str]:
    """The leading comment of a file, by its parts: ``What``, ``run`` and ``not run``."""
    parts: dict[str, str] = {}
    at = None
    for line in text.splitlines():
        if line.startswith("#!"):
            continue
        if not line.startswith(("#", "//")):
            break
        said = line.lstrip("#/").strip()
        for name in ("not run", "run", "What"):
            if said.startswith(f"{name}:"):
                at, said = name, said.removeprefix(f"{name}:").strip()
                break
        if at is not None:
            parts[at] = f"{parts.get(at, '')} {said}".strip()
    return parts


def unpinned(text: str) -> list[str]:
    """Actions that are named by anything but a commit, or without the release it is of."""
    return [
        found["what"]
        for found in _USES.finditer(text)
        if not _PINNED.fullmatch(found["what"]) or not found["tail"].strip().startswith("# v")
    ]


def objects(path: Path) -> list[Json]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document is not None]


def commands(path: Path) -> list[list[str]]:
    """Every ``invarlock`` command line of a file, without the word itself."""
    text = path.read_text()
    if path in YAML:
        return [words for document in objects(path) for words in _in_document(document)]
    blocks = _BLOCK.findall(text) if path.suffix == ".md" else [text]
    return [words for block in blocks for words in _in_shell(block)]


def _in_document(value: Json) -> Iterator[list[str]]:
    if isinstance(value, str):
        yield from _in_shell(value)
    elif isinstance(value, list) and value and value[0] == "invarlock":
        yield [str(word) for word in value[1:]]
    elif isinstance(value, list):
        for item in value:
            yield from _in_document(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _in_document(item)


def _in_shell(text: str) -> Iterator[list[str]]:
    for line in text.replace("\\\n", " ").splitlines():
        if not line.strip().startswith("invarlock "):
            continue
        words: list[str] = []
        for word in shlex.split(line, comments=True)[1:]:
            if word in _OPERATORS:
                break
            words.append(word)
        yield words


def parse(words: list[str]) -> click.Context:
    """``words`` as the command line itself reads them, nothing run. Raises click.UsageError."""
    ctx = click.Context(cli, info_name="invarlock")
    found: click.Command = cli
    rest = list(words)
    while isinstance(found, click.Group):
        name = rest.pop(0)
        inner = found.get_command(ctx, name)
        if inner is None:
            raise click.UsageError(f"no command `{name}`")
        found = inner
    parsed = found.make_context(found.name, rest, parent=ctx)
    if parsed.info_name == "link":
        parse(list(parsed.params["words"]))
    return parsed


def pods() -> Iterator[tuple[str, Json]]:
    """Pod specifications of the serving examples, by file."""
    for path in YAML:
        for document in objects(path):
            if document.get("kind") == "Deployment":
                yield name_of(path), document["spec"]["template"]["spec"]
            elif document.get("kind") == "InferenceService":
                yield name_of(path), document["spec"]["predictor"]


PODS = [pytest.param(pod, id=name) for name, pod in pods()]


def hjson(path: Path) -> Json:
    """A file of comments above strict JSON."""
    lines = path.read_text().splitlines()
    return json.loads("\n".join(line for line in lines if not line.startswith("//")))
