"""An OpenSSF Model Signing statement: it must name exactly the files of the model.

Source: model_signing 1.1.1, predicate `https://model_signing/signature/v1.0`. Only files hashed one
by one with sha256 can be compared with what was attested; shards, other hashes and the format
before 1.0 are refused by name. What the statement says that was ignored is of no consequence: a
file that it does not name is one that it does not sign.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from invarlock.attest.in_toto import STATEMENT_TYPE
from invarlock.attest.parse import describe
from invarlock.canonical import Json, StrictJsonError, strict_json
from invarlock.errors import VerificationFault
from invarlock.judge.records import ModelRecord

PREDICATE_TYPE: Final = "https://model_signing/signature/v1.0"
MAX_STATEMENT: Final = 32 << 20
_HINT: Final = "fetch the model that was signed, or ask who signed it"

M = TypeVar("M", bound=BaseModel)
Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class _Open(BaseModel):
    """Open to fields that are not known: the format wants them ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class Sha256(_Open):
    """A digest as in-toto spells it."""

    sha256: Hex


class Subject(_Open):
    """The model, by the digest over all of its files' digests."""

    digest: Sha256


class Resource(_Open):
    """One file, by its path in the folder."""

    name: str
    algorithm: str
    digest: str


class Serialization(_Open):
    """How the folder was hashed."""

    method: str
    hash_type: str


class Signed(_Open):
    """What is signed of a model."""

    serialization: Serialization
    resources: tuple[Resource, ...]


class Statement(_Open):
    """The statement that a model signature signs."""

    subject: tuple[Subject, ...] = Field(min_length=1, max_length=1)
    predicateType: Literal["https://model_signing/signature/v1.0"]  # noqa: N815 - in-toto's name
    predicate: Signed


def check_signed_files(payload: bytes, model: ModelRecord, what: str) -> None:
    """Raise :class:`VerificationFault` unless the statement names ``model``'s files and no others.

    ``what`` is told of the signature, such as "the subject's signature". E402 for a statement of
    another kind, or of hashes that cannot be compared, E405 for a malformed one, E403 for other
    files.
    """
    found = parse_foreign(Statement, payload, PREDICATE_TYPE, what)
    how = found.predicate.serialization
    if (how.method, how.hash_type) != ("files", "sha256"):
        told = f"{what} is over `{how.method[:40]}` by `{how.hash_type[:40]}`"
        raise VerificationFault("E402", told, "ask for one over `files` by `sha256`")
    named = {one.name: (one.algorithm, one.digest) for one in found.predicate.resources}
    if len(named) != len(found.predicate.resources):
        raise VerificationFault("E405", f"{what} names a file twice", _HINT)
    listed = {f.path: ("sha256", f.digest.removeprefix("sha256:")) for f in model.files}
    wrong = sorted(n for n in named.keys() | listed.keys() if named.get(n) != listed.get(n))
    if wrong:
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise VerificationFault(
            "E403", f"{what} is of other files: `{wrong[0][:200]}`{more}", _HINT
        )
    if f"sha256:{found.subject[0].digest.sha256}" != model.oms:
        raise VerificationFault("E403", f"{what} has a subject that its files do not give", _HINT)


def parse_foreign(model: type[M], payload: bytes, wanted: str, what: str) -> M:
    """A statement of another specification, of type ``wanted``, which may hold floats and fields
    that are not known.

    Raises :class:`VerificationFault` E402 for another type, E405 for a malformed one.
    """
    try:
        value: Json = strict_json(payload, max_bytes=MAX_STATEMENT)
    except StrictJsonError as err:
        raise VerificationFault("E402", f"{what} is not strict JSON: {err}", _HINT) from err
    for field, expected in (("_type", STATEMENT_TYPE), ("predicateType", wanted)):
        found = value.get(field) if isinstance(value, dict) else None
        if found != expected:
            shown = f"`{found[:120]}`" if isinstance(found, str) else "absent"
            told = f"`{field}` of {what} is {shown}, not `{expected}`"
            raise VerificationFault("E402", told, "pass a file of that kind")
    try:
        return model.model_validate_json(payload)
    except ValidationError as err:
        raise VerificationFault("E405", f"{what}: {describe(err)}", _HINT) from err
