"""Attest a bar by itself: sign what a policy's tier and profile resolve to."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from invarlock import __version__
from invarlock.attest.keyless import KeylessSigning
from invarlock.attest.placing import check_free, new_file
from invarlock.attest.registration import registration_bytes, registration_of
from invarlock.attest.signers import KeySigning
from invarlock.attest.signing import SignedAs, sign_payloads
from invarlock.canonical import digest_bytes
from invarlock.judge.records import Tool
from invarlock.policy import load_policy, parse_reference

SUFFIX: Final = "registration.sigstore.json"


class RegisteredBar(BaseModel):
    """What `policy attest` did. ``beacon`` is the digest of the bundle's file: an evaluation whose
    schedule takes it in came after it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal["invarlock.registered/1"] = "invarlock.registered/1"
    bundle: str
    bar: str
    bar_digest: str
    beacon: str
    beacon_asked: bool
    key: str | None
    key_made: bool
    keyless: SignedAs | None


def statement_of_bar(reference: str) -> tuple[str, str, bool, bytes]:
    """Name and digest of the bar that ``F#TIER[+PROFILE]`` names, whether it asks for a beacon,
    and the exact bytes that are signed of it.

    Raises :class:`UsageFault` for a policy or name that does not stand.
    """
    ref = parse_reference(reference)
    compiled = load_policy(ref.path)
    name, bar = compiled.bar(ref.tier, ref.profile)
    registration = registration_of(compiled, name, bar, Tool(version=__version__))
    asked = bar.settings["windows.beacon"] == "required"
    return name, bar.digest, asked, registration_bytes(registration)


def attest_policy(
    reference: str,
    signer: KeySigning | KeylessSigning,
    out: Path | None = None,
    authority: str | None = None,
) -> RegisteredBar:
    """Sign the bar that ``reference`` names, and write the bundle beside the policy; ``authority``
    is the address of a timestamp authority for a key's signature.

    An earlier registration is never written over: its file is the beacon of the runs that came
    after it. Raises :class:`UsageFault` E702 where one stands, and otherwise as
    :func:`statement_of_bar`, :func:`~invarlock.attest.signing.sign_payloads` and
    :func:`~invarlock.attest.placing.new_file`.
    """
    name, digest, asked, payload = statement_of_bar(reference)
    path = parse_reference(reference).path
    target = out if out is not None else path.with_name(f"{path.stem}.{name}.{SUFFIX}")
    check_free(target)
    (made,) = sign_payloads([payload], signer, authority)
    new_file(target, made.bundle)
    return RegisteredBar(
        bundle=str(target),
        bar=name,
        bar_digest=digest,
        beacon=digest_bytes(made.bundle),
        beacon_asked=asked,
        key=made.key,
        key_made=made.key_made,
        keyless=made.keyless,
    )
