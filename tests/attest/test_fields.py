"""The evidence contract says of every field what checks it, and says the same as the code."""

import json

import pytest

from invarlock.attest import predicate, statement
from invarlock.attest.fields import FIELDS, field_of
from invarlock.judge import records
from scripts import generate_schemas as generated

LEAVES = [(name, leaf) for name in FIELDS for leaf in generated.leaves(generated.schema(name))]


def test_schemas_and_specification_are_what_the_code_says() -> None:
    stale = [
        str(path) for path, text in generated.outputs().items() if path.read_text("utf-8") != text
    ]
    assert stale == []


@pytest.mark.parametrize(("document", "leaf"), LEAVES)
def test_every_field_has_a_class_and_stands_in_the_specification(document: str, leaf: str) -> None:
    found = field_of(document, leaf)
    row = f"| `{leaf}` | {found.kind} | {found.how} |"
    text = generated.SPECIFICATION.read_text("utf-8")
    section = text.split(generated.OPEN.format(name=document))[1].split(generated.CLOSE)[0]
    assert row in section.splitlines()


def test_no_class_is_given_to_a_field_that_is_not_there() -> None:
    for document, table in FIELDS.items():
        leaves = [leaf for name, leaf in LEAVES if name == document]
        for path in table:
            covered = [leaf for leaf in leaves if field_of(document, leaf) is table[path]]
            named = any(path.startswith(leaf[:-1]) for leaf in leaves if leaf.endswith(".*"))
            assert covered or named, f"{document}: {path}"


def _declared(document: str, under: str = "") -> set[str]:
    """Top-level names below ``under`` all of whose leaves are declared."""
    tops: dict[str, set[str]] = {}
    for name, leaf in LEAVES:
        if name == document and leaf.startswith(under):
            top = leaf.removeprefix(under).split(".")[0]
            tops.setdefault(top, set()).add(field_of(document, leaf).kind)
    mixed = {top for top, kinds in tops.items() if "declared" in kinds and len(kinds) > 1}
    assert mixed == ({"subject[]", "predicate"} if document == "statement" and not under else set())
    return {top for top, kinds in tops.items() if kinds == {"declared"}}


def test_code_and_specification_declare_the_same() -> None:
    assert _declared("report") == records.DECLARED
    assert _declared("statement", "predicate.") == predicate.DECLARED
    assert _declared("statement") == set()
    outside = {
        leaf
        for name, leaf in LEAVES
        if name == "statement"
        and not leaf.startswith("predicate.")
        and field_of(name, leaf).kind == "declared"
    }
    assert outside == statement.DECLARED


def test_schemas_are_closed_and_name_themselves() -> None:
    for name in generated.DOCUMENTS:
        schema = generated.schema(name)
        assert schema["$id"].endswith(f"/{name}.schema.json")
        for node in [schema, *schema.get("$defs", {}).values()]:
            if "properties" in node:
                assert node["additionalProperties"] is False, (name, node.get("title"))
    assert json.loads((generated.ROOT / "schemas" / "report.schema.json").read_text("utf-8"))
