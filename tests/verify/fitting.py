"""Whether a JSON answer fits the schema that is published for it."""

from __future__ import annotations

import json
from typing import Any

from jsonschema import Draft202012Validator

from tests.conftest import ROOT


def fitting(name: str, answer: Any) -> None:
    """Closed: a field that the schema does not know is an error, and so is one that is missing."""
    schema = json.loads((ROOT / f"attest/schemas/{name}.schema.json").read_bytes())
    check = Draft202012Validator(schema)
    check.validate(answer)
    assert not check.is_valid({**answer, "passed": True})
    required = schema["required"]
    assert not check.is_valid({key: answer[key] for key in answer if key != required[0]})
