"""What SARIF 2.1.0 asks of the part of it that is written here.

Hand-written after https://docs.oasis-open.org/sarif/sarif/v2.1.0/; closed, so that a misspelt
property is found.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]


def closed(required: dict[str, Schema], **optional: Schema) -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": {**required, **optional},
    }


def many(items: Schema, least: int = 0) -> Schema:
    return {"type": "array", "items": items, "minItems": least, "uniqueItems": True}


TEXT = {"type": "string", "minLength": 1}
COUNT = {"type": "integer", "minimum": 1}
MESSAGE = closed({"text": TEXT})
LEVEL = {"enum": ["none", "note", "warning", "error"]}
REGION = closed({"startLine": COUNT}, startColumn=COUNT, endLine=COUNT, endColumn=COUNT)
FILE = closed({"uri": {"type": "string", "pattern": r"^[A-Za-z0-9%./_~:-]+$"}})
PHYSICAL = closed({"artifactLocation": FILE}, region=REGION)
ID = {"type": "integer", "minimum": 0}
LOCATION = closed({"physicalLocation": PHYSICAL}, id=ID, message=MESSAGE)
FINGERPRINT = {"type": "string", "pattern": "^[0-9a-f]{64}:[1-9][0-9]*$"}
RESULT = closed(
    {
        "ruleId": TEXT,
        "ruleIndex": ID,
        "level": LEVEL,
        "message": MESSAGE,
        "partialFingerprints": closed({"invarlock/v1": FINGERPRINT}),
    },
    locations=many(LOCATION, 1),
    relatedLocations=many(LOCATION, 1),
)
RULE = closed(
    {
        "id": TEXT,
        "shortDescription": MESSAGE,
        "help": MESSAGE,
        "defaultConfiguration": closed({"level": LEVEL}),
    }
)
DRIVER = closed({"name": TEXT, "semanticVersion": TEXT, "rules": many(RULE)})
RUN = closed(
    {
        "tool": closed({"driver": DRIVER}),
        "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
        "results": many(RESULT),
    }
)
LOG = closed(
    {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": many(RUN, 1),
    }
)


def results_of(log: Any) -> list[Any]:
    """The results of a log that holds to the schema, each under a rule that it names."""
    from jsonschema import Draft202012Validator

    Draft202012Validator(LOG).validate(log)
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    prints = [result["partialFingerprints"]["invarlock/v1"] for result in run["results"]]
    assert len(set(prints)) == len(prints)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    found: list[Any] = run["results"]
    return found
