"""Tokens as OIDC issuers give them; what Fulcio makes of their claims is in `fulcio.py`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import jwt

GITHUB = "https://token.actions.githubusercontent.com"
ACCOUNTS = "https://accounts.example.com"
_SECRET = "nobody checks this signature, and it is thirty-two bytes long"


@dataclass(frozen=True)
class GitHub:
    """A workflow's run on GitHub Actions.

    Attributes:
        repository, ref: whose workflow runs, and at which ref.
        workflow: path of the workflow that was started, in ``repository``.
        signer: ``OWNER/REPO/PATH@REF`` of a reusable workflow that it calls, and that signs.
        issuer: GitHub's, unless a server of one's own.
    """

    repository: str = "acme/models"
    ref: str = "refs/tags/v1"
    workflow: str = ".github/workflows/release.yml"
    signer: str | None = None
    issuer: str = GITHUB

    @property
    def started(self) -> str:
        """The workflow that was started, with its ref."""
        return f"{self.repository}/{self.workflow}@{self.ref}"

    @property
    def identity(self) -> str:
        """The identity in the certificate: the workflow that signs."""
        return f"https://github.com/{self.signer or self.started}"

    def claims(self) -> dict[str, Any]:
        return {
            "iss": self.issuer,
            "sub": f"repo:{self.repository}:ref:{self.ref}",
            "repository": self.repository,
            "repository_id": "4711",
            "repository_owner": self.repository.split("/")[0],
            "repository_owner_id": "815",
            "repository_visibility": "public",
            "ref": self.ref,
            "sha": "a" * 40,
            "event_name": "push",
            "workflow": "release",
            "workflow_ref": self.started,
            "workflow_sha": "b" * 40,
            "job_workflow_ref": self.signer or self.started,
            "job_workflow_sha": "c" * 40,
            "runner_environment": "github-hosted",
            "run_id": "1",
            "run_attempt": "1",
        }


def person(email: str, issuer: str = ACCOUNTS) -> dict[str, Any]:
    """Claims of somebody who logged in with a browser."""
    return {"iss": issuer, "sub": email, "email": email, "email_verified": True}


def token(claims: dict[str, Any], *, age: float = 0, audience: str = "sigstore") -> str:
    """A token of ten minutes, issued ``age`` seconds ago."""
    issued = int(time.time() - age)
    times = {"aud": audience, "iat": issued, "nbf": issued, "exp": issued + 600}
    return jwt.encode({**times, **claims}, _SECRET, algorithm="HS256")


def claims_of(encoded: str) -> dict[str, Any]:
    """The claims of a token, whoever signed it."""
    claims: dict[str, Any] = jwt.decode(encoded, options={"verify_signature": False})
    return claims
