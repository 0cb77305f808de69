"""Which reader a kind of log takes, and the digest of the documents in a log."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from invarlock.evidence.documents import documents_digest
from invarlock.evidence.schema import Digest, LogKind
from invarlock.measure.logs.harness import parse_sample
from invarlock.measure.logs.items import Parse, read_items
from invarlock.measure.logs.tokens import MAX_TOKENS, parse_tokens


def parser_of(kind: LogKind, length: int, slice_key: str | None, normalise: str = "none") -> Parse:
    """What reads the lines of a log of ``kind``, whose documents have at most ``length`` tokens;
    ``normalise`` is that of the contract."""
    if kind == "lm-eval":
        return partial(parse_sample, slice_key=slice_key, normalise=normalise)
    return partial(parse_tokens, length=length)


def log_documents(path: Path, kind: LogKind) -> Digest:
    """The digest of the set of documents in a log, as evidence imported from it names its data.

    Raises :class:`SafetyRefusal` E003, :class:`EnvironmentFault` E601.
    """
    items = read_items(path, parser_of(kind, MAX_TOKENS, None))
    return documents_digest([item.content for item in items])
