"""Golden keyless bundles, a registration and a summary: accepted to the level that they reach."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from invarlock.attest.bundle import parse_bundle, verify_signature
from invarlock.attest.keys import load_public
from invarlock.canonical import digest_bytes
from tests.conftest import ROOT
from tests.sigstore_double import GitHub, SigstoreDouble
from tests.sigstore_double.tokens import GITHUB
from tests.verify.certified import codes, run_command

FOLDER = ROOT / "attest" / "golden" / "v1"
RUN = FOLDER / "run"
ARTIFACTS = (
    *("--run", RUN, "--subject", FOLDER / "subject"),
    *("--baseline", FOLDER / "baseline", "--data", FOLDER / "data.jsonl"),
)
KEYED = ("--key", FOLDER / "key.pub", "--policy", f"{FOLDER / 'policy.invar'}#balanced+dev")


def fits(document: Any, name: str) -> None:
    rules = json.loads((ROOT / f"attest/schemas/{name}.schema.json").read_bytes())
    jsonschema.Draft202012Validator(rules).validate(document)


def keyless(rekor: int, *more: object, root: Path | None = None) -> tuple[int, dict[str, Any]]:
    bar = f"{FOLDER / 'keyless/policy.invar'}#balanced+dev"
    trusted = ("--trusted-root", root or FOLDER / "keyless/trusted-root.json")
    bundle = FOLDER / f"keyless/attestation.rekor{rekor}.sigstore.json"
    return run_command("verify", bundle, *ARTIFACTS, "--policy", bar, *trusted, *more)


@pytest.mark.parametrize("rekor", [1, 2])
def test_keyless_bundles_verify_to_judged(rekor: int) -> None:
    code, found = keyless(rekor, "--require", "log", "--require", "timestamp")
    assert (code, found["outcome"], found["levels"]["judged"]) == (0, "pass", "reached"), found
    (signer,) = found["signers"]
    assert signer["certificate"]["identity"] == GitHub().identity
    sources = {time["source"] for time in signer["times"]}
    assert sources == ({"log", "timestamp"} if rekor == 1 else {"timestamp"})


@pytest.mark.parametrize("rekor", [1, 2])
def test_keyless_bundles_of_another_root_or_identity_are_refused(
    rekor: int, sigstore_double: SigstoreDouble, tmp_path: Path
) -> None:
    code, found = keyless(rekor, root=sigstore_double.write_root(tmp_path))
    # A time that only an authority gives is the first thing that another root does not prove.
    assert (code, codes(found)) == (4, ["E421" if rekor == 1 else "E422"])
    other = GitHub(repository="mallory/models").identity
    code, found = keyless(rekor, "--identity", other, "--issuer", GITHUB)
    assert (code, codes(found)) == (4, ["E420"])


@pytest.mark.parametrize("rekor", [1, 2])
def test_keyless_bundles_hold_the_golden_statement_and_fit_the_schema(rekor: int) -> None:
    data = (FOLDER / f"keyless/attestation.rekor{rekor}.sigstore.json").read_bytes()
    assert parse_bundle(data).payload == (FOLDER / "statement.json").read_bytes()
    fits(json.loads(data), "bundle")


def test_the_registration_is_of_the_runs_bar_and_older_by_nobodys_word() -> None:
    data = (FOLDER / "registration.sigstore.json").read_bytes()
    fits(json.loads(data), "bundle")
    fits(json.loads(parse_bundle(data).payload), "registration")
    words = ("verify", RUN, *KEYED, *ARTIFACTS)
    words = (*words, "--registration", FOLDER / "registration.sigstore.json")
    code, found = run_command(*words)
    assert code == 0, found
    assert found["registration"]["bar"] == found["producer_bar"]
    assert found["registration"]["before"] is None
    code, found = run_command(*words, "--require", "preregistered")
    assert (code, codes(found)) == (3, ["E414"])


def test_the_summary_is_a_pass_of_the_golden_bundle() -> None:
    data = (FOLDER / "summary.vsa.sigstore.json").read_bytes()
    fits(json.loads(data), "bundle")
    bundle = parse_bundle(data)
    verify_signature(bundle, [load_public(FOLDER / "key.pub")])
    statement = json.loads(bundle.payload)
    fits(statement, "summary-vsa")
    signed = json.loads((FOLDER / "statement.json").read_bytes())
    assert statement["subject"][0]["digest"] == signed["subject"][0]["digest"]
    predicate = statement["predicate"]
    assert predicate["verificationResult"] == "PASSED"
    (read,) = predicate["inputAttestations"]
    whole = digest_bytes((RUN / "attestation.sigstore.json").read_bytes())
    assert f"sha256:{read['digest']['sha256']}" == whole
