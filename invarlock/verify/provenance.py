"""SLSA provenance of a model: it must be of this model, and tells who built it.

Source: https://slsa.dev/spec/v1.0/provenance. Its subjects must hold the model's root digest, or
every file that a loader reads, by its path and its sha256. That is the strict reading: with fewer
files, provenance of a shared tokenizer would pass for one of the weights, and the digest of OpenSSF
Model Signing covers no names, so that a renamed file would not show.
"""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from invarlock.artifacts.kinds import is_loaded
from invarlock.errors import VerificationFault
from invarlock.judge.records import ModelRecord
from invarlock.verify.oms import parse_foreign

PREDICATE_TYPE: Final = "https://slsa.dev/provenance/v1"
_HINT: Final = "ask the builder for the provenance of this model"


class _Open(BaseModel):
    """Open to fields that are not known, of which the format has many."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class Subject(_Open):
    """One thing that was built, by name and by its digests of any algorithm."""

    name: str = ""
    digest: dict[str, str]


class Builder(_Open):
    """Who built it."""

    id: str = Field(min_length=1, max_length=4096)


class RunDetails(_Open):
    """Of the run that built it."""

    builder: Builder


class Provenance(_Open):
    """The predicate, of which who built is read."""

    runDetails: RunDetails  # noqa: N815 - the field name is fixed by SLSA


class Statement(_Open):
    """A provenance statement."""

    subject: tuple[Subject, ...] = Field(min_length=1)
    predicate: Provenance


def check_provenance(payload: bytes, model: ModelRecord, what: str) -> str:
    """The builder's id, once the provenance is shown to be of ``model``.

    Raises :class:`VerificationFault`: E402 for a statement of another kind, E405 for a malformed
    one, E403 for one that is not of this model.
    """
    found = parse_foreign(Statement, payload, PREDICATE_TYPE, what)
    built = {(one.name, one.digest.get("sha256")) for one in found.subject}
    root = model.digest.removeprefix("sha256:")
    needed = {(f.path, f.digest.removeprefix("sha256:")) for f in model.files if is_loaded(f.path)}
    whole = any(digest == root for _, digest in built)
    if not whole and (not needed or not needed <= built):
        lacking = sorted(name for name, _ in needed - built)
        shown = f": `{lacking[0][:200]}` is not among its subjects" if lacking else ""
        raise VerificationFault("E403", f"{what} is not of this model{shown}", _HINT)
    return found.predicate.runDetails.builder.id
