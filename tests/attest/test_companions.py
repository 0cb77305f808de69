"""Companions repeat the one statement in other predicates, and never say more than it does."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from invarlock.attest.attest_run import companion_path
from invarlock.attest.bundle import parse_bundle, verify_signature
from invarlock.attest.companions import NOT_PASSED, STATEMENT, CompanionType, companion_bytes
from invarlock.attest.keys import load_public
from invarlock.attest.statement import Statement, statement_bytes, statement_of
from invarlock.canonical import canonical_bytes, digest_bytes
from invarlock.judge.report import build_report
from tests.builders import Synthetic, at_most, make_bar, one_of, report_inputs, standard_bar, target
from tests.conftest import ROOT, run_invarlock

KINDS: tuple[CompanionType, ...] = ("test-result", "eval-result")


def _statement(**changes: Any) -> Statement:
    inputs = report_inputs(replace(Synthetic().edited(), **changes))
    return statement_of(build_report(inputs), digest_bytes(b"report"))


def _companion(kind: CompanionType, statement: Statement) -> Any:
    """The companion, once the published schema is shown to hold for it."""
    document = json.loads(companion_bytes(kind, statement))
    schema = json.loads((ROOT / f"attest/schemas/{kind}.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(document)
    assert document["predicateType"] == f"https://in-toto.io/attestation/{kind}/v0.1"
    assert document["subject"] == json.loads(statement_bytes(statement))["subject"]
    return document["predicate"]


def _outcomes(statement: Statement) -> dict[str, str]:
    return {gate.id: gate.verdict for gate in statement.predicate.gates}


WARNED = make_bar(at_most("kl.mean", "0.05"), at_most("kl.p99", "0.0000001", level="warn"))
FAILED = make_bar(at_most("kl.mean", "0.0000001"), at_most("kl.p99", "0.5"))
INCOMPLETE = make_bar(at_most("kl.mean", "0.05", on=target("nowhere")))
WORDS = make_bar(at_most("kl.mean", "0.05"), one_of("evidence.origin", "imported"))
CASES = {
    "pass": (standard_bar(), "pass", "PASSED"),
    "a warning": (WARNED, "pass", "WARNED"),
    "fail": (FAILED, "fail", "FAILED"),
    "a slice without windows": (INCOMPLETE, "incomplete", "FAILED"),
    "a word": (WORDS, "fail", "FAILED"),
}


@pytest.mark.parametrize("name", CASES)
def test_only_a_pass_passes(name: str) -> None:
    bar, verdict, result = CASES[name]
    statement = _statement(bar=bar)
    assert statement.predicate.verdict == verdict
    tests = _companion("test-result", statement)
    assert tests["result"] == result
    claims = _companion("eval-result", statement)["claims"]
    assert claims[0] == {
        "metric": NOT_PASSED,
        "comparator": "<=",
        "threshold": "0",
        "passed": verdict == "pass",
    }
    outcomes = _outcomes(statement)
    for claim in claims[1:]:
        assert claim["passed"] is (outcomes[claim["metric"]] == "pass")
    assert set(tests["passedTests"]) == {i for i, found in outcomes.items() if found == "pass"}
    lists = [tests[name] for name in ("passedTests", "warnedTests", "failedTests")]
    assert sorted(chain.from_iterable(lists)) == sorted(outcomes)
    levels = {gate.id: gate.level for gate in statement.predicate.gates}
    assert {levels[i] for i in tests["warnedTests"]} <= {"warn"}
    assert {levels[i] for i in tests["failedTests"]} <= {"require"}


@pytest.mark.parametrize("verdict", ["fail", "inconclusive", "incomplete"])
def test_a_statement_that_does_not_pass_gives_nothing_that_does(verdict: str) -> None:
    """Whatever its gates say, as a hasty producer may write it."""
    statement = _statement(bar=standard_bar())
    changed = statement.model_copy(
        update={"predicate": statement.predicate.model_copy(update={"verdict": verdict})}
    )
    assert _companion("test-result", changed)["result"] == "FAILED"
    assert _companion("eval-result", changed)["claims"][0]["passed"] is False


def test_a_gate_that_waits_for_a_signature_is_in_no_list() -> None:
    bar = make_bar(at_most("kl.mean", "0.05"), one_of("signature.log", "no"))
    statement = _statement(bar=bar)
    assert _outcomes(statement)["signature.log"] == "pending"
    for kind in KINDS:
        assert "signature.log" not in json.dumps(_companion(kind, statement))


def test_each_end_of_an_interval_is_a_claim_in_exact_decimals() -> None:
    claims = _companion("eval-result", _statement(bar=standard_bar()))["claims"]
    drift = [claim for claim in claims if claim["metric"] == "perplexity.drift"]
    assert [(claim["comparator"], claim["threshold"]) for claim in drift] == [
        (">=", "0.9"),
        ("<=", "1.1"),
    ]
    assert not [claim for claim in claims if claim["metric"] == "tokenizer.same"]


def test_they_name_the_statement_and_what_stands_behind_it() -> None:
    statement = _statement(bar=standard_bar())
    payload = {"sha256": digest_bytes(statement_bytes(statement)).removeprefix("sha256:")}
    predicate = statement.predicate
    tests = _companion("test-result", statement)
    assert tests[STATEMENT] == payload
    named = {one["name"]: f"sha256:{one['digest']['sha256']}" for one in tests["configuration"]}
    assert named == {
        "policy/source.invar": predicate.policy.source_digest,
        "policy/bar.ir.json": predicate.policy.bar_digest,
    }
    found = _companion("eval-result", statement)
    assert found["evidence"][0]["digest"] == payload
    assert f"sha256:{found['model']['digest']['sha256']}" == predicate.subject.digest
    assert f"sha256:{found['dataset']['digest']['sha256']}" == predicate.data.digest
    assert found["sampleSize"] == predicate.look.final == 24
    assert found["assuranceLevel"] == "self_attested"
    assert "preRegistration" not in found


def test_attest_signs_them_beside_the_statement_with_the_same_key(tmp_path: Path) -> None:
    report = build_report(report_inputs(Synthetic().edited()))
    (tmp_path / "evaluation.report.json").write_bytes(
        canonical_bytes(report.model_dump(mode="json"))
    )
    options = [option for kind in KINDS for option in ("--companion", kind)]
    key = tmp_path / "key"
    shown = run_invarlock("attest", tmp_path, *options, "--dry-run").stdout.split("\n")
    done = run_invarlock("attest", tmp_path, "--key", key, *options, "--format", "json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    bundle = tmp_path / "attestation.sigstore.json"
    paths = [bundle, *(companion_path(bundle, kind) for kind in KINDS)]
    assert [told["bundle"], *told["companions"]] == [str(path) for path in paths]
    assert paths[1].name == "attestation.test-result.sigstore.json"
    for path, payload in zip(paths, shown, strict=True):
        signed = parse_bundle(path.read_bytes())
        verify_signature(signed, [load_public(tmp_path / "key.pub")])
        assert signed.payload.decode() == payload
    for companion in paths[1:]:
        refused = run_invarlock("verify", companion, "--key", tmp_path / "key.pub")
        assert refused.returncode == 4
        assert "[INVARLOCK:E402]" in refused.stderr + refused.stdout
