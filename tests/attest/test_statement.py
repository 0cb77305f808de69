"""Statement and predicate: a pure function of the report, and one shape only."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from invarlock.attest.in_toto import STATEMENT_TYPE
from invarlock.attest.predicate import PREDICATE_TYPE, predicate_of
from invarlock.attest.statement import (
    parse_statement,
    statement_bytes,
    statement_of,
)
from invarlock.canonical import canonical_bytes, digest_bytes
from invarlock.errors import VerificationFault
from invarlock.judge.report import Report, build_report
from tests.builders import Synthetic, report_inputs
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def report() -> Report:
    return build_report(report_inputs(Synthetic().edited()))


def test_the_subject_is_the_root_digest_and_nothing_else(report: Report) -> None:
    statement = json.loads(statement_bytes(statement_of(report, digest_bytes(b"report"))))
    assert statement["_type"] == STATEMENT_TYPE
    assert statement["predicateType"] == PREDICATE_TYPE
    hexadecimal = report.subject.digest.removeprefix("sha256:")
    assert statement["subject"] == [{"name": "edit", "digest": {"sha256": hexadecimal}}]


def test_the_predicate_repeats_the_report(report: Report) -> None:
    predicate = predicate_of(report, digest_bytes(b"report")).model_dump(mode="json")
    document = report.model_dump(mode="json")
    repeated = predicate.keys() - {"report", "gates", "version", "bom"}
    assert {key: predicate[key] for key in repeated} == {key: document[key] for key in repeated}
    assert predicate["report"]["digest"] == digest_bytes(b"report")
    for summary, gate in zip(predicate["gates"], document["gates"], strict=True):
        assert summary == {key: gate[key] for key in summary}


def test_bytes_round_trip(report: Report) -> None:
    statement = statement_of(report, digest_bytes(b"report"))
    assert parse_statement(statement_bytes(statement)) == statement


WRONG: dict[str, tuple[str, Callable[[dict[str, Any]], object]]] = {
    "another type": ("E402", lambda s: s.update(_type="https://in-toto.io/Statement/v0.1")),
    "another predicate": (
        "E402",
        lambda s: s.update(predicateType="https://slsa.dev/provenance/v1"),
    ),
    "no type": ("E402", lambda s: s.pop("_type")),
    "two subjects": ("E405", lambda s: s["subject"].append(s["subject"][0])),
    "no subject": ("E405", lambda s: s["subject"].clear()),
    "another digest too": ("E405", lambda s: s["subject"][0]["digest"].update(sha512="00")),
    "upper-case digest": (
        "E405",
        lambda s: s["subject"][0]["digest"].update(sha256="AB" * 32),
    ),
    "extra field": ("E405", lambda s: s.update(verdict="pass")),
    "extra field in the predicate": ("E405", lambda s: s["predicate"].update(passed=True)),
    "missing field": ("E405", lambda s: s["predicate"].pop("runtime")),
    "unknown verdict": ("E405", lambda s: s["predicate"].update(verdict="PASSED")),
    "number as text": ("E405", lambda s: s["predicate"]["seeds"].update(bootstrap="7")),
    "whole float": ("E405", lambda s: s["predicate"]["seeds"].update(bootstrap=7.0)),
    "huge number": ("E405", lambda s: s["predicate"]["files"][0].update(size=2**60)),
    "negative size": ("E405", lambda s: s["predicate"]["files"][0].update(size=-1)),
}


@pytest.mark.parametrize("name", WRONG)
def test_every_other_shape_is_refused(report: Report, name: str) -> None:
    code, change = WRONG[name]
    statement = json.loads(statement_bytes(statement_of(report, digest_bytes(b"report"))))
    parse_statement(canonical_bytes(statement))
    change(statement)
    with pytest.raises(VerificationFault) as caught:
        parse_statement(_spelled(statement))
    assert caught.value.code == code


def _spelled(statement: Any) -> bytes:
    try:
        return canonical_bytes(statement)
    except TypeError:  # a number that has no canonical form
        return json.dumps(statement).encode()


def _places(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every key, at every depth; of a list the first item stands for all."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield (*at, name)
            yield from _places(part, (*at, name))
    elif isinstance(value, list) and value:
        yield from _places(value[0], (*at, 0))


OPEN = ("settings", "timings")
"""Maps, whose keys are the producer's."""


def test_an_absent_field_and_an_unknown_one_are_refused_at_every_depth(report: Report) -> None:
    payload = statement_bytes(statement_of(report, digest_bytes(b"report")))
    schema = Draft202012Validator(
        json.loads((ROOT / "attest/schemas/statement.schema.json").read_text("utf-8"))
    )
    schema.validate(json.loads(payload))
    tried = 0
    for place in _places(json.loads(payload)):
        if len(place) > 1 and place[-2] in OPEN:
            continue
        for change in ("absent", "unknown"):
            statement = json.loads(payload)
            inner = statement
            for step in place[:-1]:
                inner = inner[step]
            if change == "absent":
                del inner[place[-1]]
            elif not isinstance(inner[place[-1]], dict) or place[-1] in OPEN:
                continue
            else:
                inner[place[-1]]["more"] = "x"
            with pytest.raises(VerificationFault) as caught:
                parse_statement(canonical_bytes(statement))
            assert caught.value.code in {"E402", "E405"}, (place, change)
            assert not schema.is_valid(statement), (place, change)
            tried += 1
    assert tried > 100


def test_another_spelling_of_the_same_statement_is_refused(report: Report) -> None:
    payload = statement_bytes(statement_of(report, digest_bytes(b"report")))
    parse_statement(payload)
    for spelled in (payload + b"\n", json.dumps(json.loads(payload), indent=1).encode()):
        with pytest.raises(VerificationFault, match="canonical form") as caught:
            parse_statement(spelled)
        assert caught.value.code == "E405"


@pytest.mark.parametrize("payload", [b"", b"[]", b'"x"', b"{", b'{"_type":1,"_type":1}'])
def test_what_is_no_statement_is_called_so(payload: bytes) -> None:
    with pytest.raises(VerificationFault) as caught:
        parse_statement(payload)
    assert caught.value.code == "E402"
