"""What was attested of a model: its files and their digests, on a trusted signer's word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from invarlock.artifacts.folder import FileEntry, root_digest
from invarlock.attest.statement import parse_statement
from invarlock.errors import VerificationFault
from invarlock.evidence.schema import Digest
from invarlock.verify.request import VerifyRequest
from invarlock.verify.signatures import check_signatures, trusted


@dataclass(frozen=True, slots=True)
class Attested:
    """A model as it was signed: its root ``digest``, and the digest of every file by path."""

    digest: Digest
    files: Mapping[str, Digest]


def attested_model(request: VerifyRequest) -> Attested:
    """The subject of ``request.bundle``, once signers that the consumer trusts are shown to have
    signed it. Its verdict is no matter here.

    Raises :class:`VerificationFault` where the signature does not hold or the statement
    contradicts itself (E403), and otherwise as :func:`check_signatures`.
    """
    request.check()
    payload, _ = check_signatures(request, trusted(request))
    statement = parse_statement(payload)
    record = statement.predicate.subject
    entries = [FileEntry(f.path, f.size, f.digest, f.loaded) for f in record.files]
    named = f"sha256:{statement.subject[0].digest.sha256}"
    if not named == record.digest == root_digest(entries):
        what = "the statement's subject is not the root of the files it lists"
        raise VerificationFault("E403", what, "do not deploy; ask the producer")
    files = {file.path: file.digest for file in record.files}
    return Attested(record.digest, files)
