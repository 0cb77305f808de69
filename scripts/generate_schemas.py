"""Write the evidence contract's JSON Schemas, and the field tables of its specification.

    python scripts/generate_schemas.py            writes attest/schemas/ and attest/evaluation-v1.md
    python scripts/generate_schemas.py --check    exits 1 when they are not what the code says

Schemas come from the pydantic models, classes of fields from ``invarlock.attest.fields``.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from invarlock.attest.attest_policy import RegisteredBar
from invarlock.attest.attest_run import Attested
from invarlock.attest.companions import EvalResultStatement, TestResultStatement
from invarlock.attest.fields import FIELDS, field_of
from invarlock.attest.registration import Registration
from invarlock.attest.statement import Statement
from invarlock.evidence.disclosure import Disclosure
from invarlock.evidence.schema import Activation, Header, Overhead, Tensor, Window
from invarlock.judge.records import Report
from invarlock.policy.ir import BarIR, PolicyIR
from invarlock.security.manifest import RuntimeManifest
from invarlock.verify.audit.result import AuditResult
from invarlock.verify.result import VerificationResult
from invarlock.verify.summary import SvrStatement, VsaStatement
from invarlock.verify.watch.check import Check
from scripts.bundle_shapes import AnyBundle

ROOT: Final = Path(__file__).resolve().parent.parent / "attest"
SPECIFICATION: Final = ROOT / "evaluation-v1.md"
BASE: Final = "https://invarlock.dev/schemas/"
OPEN: Final = "<!-- generated: fields of {name} -->"
CLOSE: Final = "<!-- end -->"

DOCUMENTS: Final[dict[str, TypeAdapter[Any]]] = {
    "statement": TypeAdapter(Statement),
    "report": TypeAdapter(Report),
    "runtime-manifest": TypeAdapter(RuntimeManifest),
    "evidence-header": TypeAdapter(Header),
    "evidence-windows": TypeAdapter(tuple[Window, ...]),
    "evidence-activations": TypeAdapter(tuple[Activation, ...]),
    "evidence-overhead": TypeAdapter(Overhead),
    "evidence-tensors": TypeAdapter(tuple[Tensor, ...]),
    "bar-ir": TypeAdapter(BarIR),
    "policy-ir": TypeAdapter(PolicyIR),
    "bundle": TypeAdapter(AnyBundle),
    "test-result": TypeAdapter(TestResultStatement),
    "eval-result": TypeAdapter(EvalResultStatement),
    "attested": TypeAdapter(Attested),
    "disclosure": TypeAdapter(Disclosure),
    "registration": TypeAdapter(Registration),
    "registered": TypeAdapter(RegisteredBar),
    "verification": TypeAdapter(VerificationResult),
    "audit": TypeAdapter(AuditResult),
    "watch": TypeAdapter(Check),
    "summary-vsa": TypeAdapter(VsaStatement),
    "summary-svr": TypeAdapter(SvrStatement),
}
"""Schema name → what it describes. Those in ``FIELDS`` are part of what is signed."""


EXACT: Final = frozenset({"statement"})
"""Documents whose reader takes no field for granted, whatever default the model has for it."""


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a document."""
    body = DOCUMENTS[name].json_schema(by_alias=True, mode="validation")
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{BASE}{name}.schema.json",
    }
    if "anyOf" in body:
        body["oneOf"] = body.pop("anyOf")
    if name in EXACT:
        for node in (body, *body["$defs"].values()):
            if "properties" in node:
                node["required"] = list(node["properties"])
    return head | body


def leaves(document: dict[str, Any]) -> Iterator[str]:
    """Every leaf of the documents that a schema describes, as ``a.b[].c``; ``*`` is any key."""
    seen: set[str] = set()
    for path in _walk(document, document, ""):
        if path not in seen:
            seen.add(path)
            yield path


def _walk(document: dict[str, Any], node: Any, at: str) -> Iterator[str]:
    if "$ref" in node:
        yield from _walk(document, document["$defs"][node["$ref"].rsplit("/", 1)[-1]], at)
        return
    inner = [n for n in node.get("anyOf", node.get("oneOf", [])) if n.get("type") != "null"]
    for choice in inner:
        yield from _walk(document, choice, at)
    if inner:
        return
    if "properties" in node:
        for key, value in node["properties"].items():
            yield from _walk(document, value, f"{at}.{key}" if at else key)
    elif isinstance(node.get("additionalProperties"), dict):
        yield from _walk(document, node["additionalProperties"], f"{at}.*")
    elif node.get("type") == "array" and isinstance(node.get("items"), dict):
        yield from _walk(document, node["items"], f"{at}[]")
    else:
        # tuples of fixed length have one kind of item throughout
        yield f"{at}[]" if node.get("type") == "array" else at


def rows_of(name: str) -> Iterator[str]:
    """Every leaf, and after a leaf with any key those keys that have a class of their own."""
    for leaf in leaves(schema(name)):
        yield leaf
        if leaf.endswith(".*"):
            named = (path for path in FIELDS[name] if path.startswith(leaf[:-1]) and path != leaf)
            yield from named


def table(name: str) -> str:
    """The Markdown table of a document's fields."""
    rows = ["| field | class | how |", "|---|---|---|"]
    for leaf in rows_of(name):
        found = field_of(name, leaf)
        rows.append(f"| `{leaf}` | {found.kind} | {found.how} |")
    return "\n".join(rows)


def specification(text: str) -> str:
    """``text`` with every table written anew."""
    for name in FIELDS:
        start = OPEN.format(name=name)
        if start not in text:
            raise SystemExit(f"attest/evaluation-v1.md lacks `{start}`")
        pattern = re.escape(start) + r".*?" + re.escape(CLOSE)
        block = f"{start}\n\n{table(name)}\n\n{CLOSE}"
        before, after = re.split(pattern, text, maxsplit=1, flags=re.DOTALL)
        text = before + block + after
    return text


def outputs() -> dict[Path, str]:
    """Every generated file and what it must hold."""
    files = {
        ROOT / "schemas" / f"{name}.schema.json": json.dumps(schema(name), indent=2) + "\n"
        for name in DOCUMENTS
    }
    files[SPECIFICATION] = specification(SPECIFICATION.read_text("utf-8"))
    return files


def main(arguments: list[str]) -> int:
    stale = [
        path
        for path, text in outputs().items()
        if not path.exists() or path.read_text("utf-8") != text
    ]
    if "--check" in arguments:
        for path in stale:
            print(f"stale: {path.relative_to(ROOT.parent)}")
        return 1 if stale else 0
    for path, text in outputs().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    print(f"{len(stale)} files written anew")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
