"""The digest of a set of documents, where no data file stands for them."""

from __future__ import annotations

from collections.abc import Sequence

from invarlock.canonical import digest_json
from invarlock.evidence.schema import Digest


def documents_digest(contents: Sequence[Digest]) -> Digest:
    """Of the documents with these content digests, whatever their order."""
    return digest_json({"documents": sorted(contents), "version": "invarlock.documents/1"})
