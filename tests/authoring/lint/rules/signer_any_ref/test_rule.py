"""Globs that any branch satisfies, and narrower ones."""

from __future__ import annotations

import pytest

from invarlock.authoring.lint.rules.signer_any_ref import ANY
from tests.authoring.lint.support import found, marked

RULE = "signer-any-ref"
SIGNER = """signer release {{
  repository = "https://github.com/acme/models"
  workflow   = "acme/models/.github/workflows/release.yml"
  ref        = "{}"
  issuer     = "https://token.actions.githubusercontent.com"
}}
require signature.by in {{release}}
tier t {{ require perplexity.ratio <= 1.1 }}
"""


@pytest.mark.parametrize("ref", sorted(ANY))
def test_any_branch(ref: str) -> None:
    assert marked(RULE, SIGNER.format(ref)) == [f'"{ref}"']


@pytest.mark.parametrize("ref", ["refs/heads/main", "refs/tags/*", "refs/heads/release-*"])
def test_a_narrower_ref(ref: str) -> None:
    assert not found(RULE, SIGNER.format(ref))
