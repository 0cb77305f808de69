"""in-toto links and layouts, through the reference implementation's own models.

Source: https://github.com/in-toto/docs, in-toto-spec.md, version 1.0; envelopes are DSSE. What
verifies them is ``in_toto.verifylib`` or any other implementation, not this project.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from invarlock.attest.keys import PrivateKey, PublicKey
from invarlock.attest.steps import STEPS, Artifacts, Step
from invarlock.data import data_folder
from invarlock.errors import EnvironmentFault, UsageFault

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner, SSlibKey

TEMPLATE: Final = Path("layout") / "evaluation.layout.json"
INSPECTION: Final = "deploy"
_EXPIRES: Final = "%Y-%m-%dT%H:%M:%SZ"


def check_installed() -> None:
    """Raise :class:`EnvironmentFault` E605 without in-toto."""
    try:
        import in_toto  # noqa: F401 - whether it is there
    except ImportError as err:
        hint = "pip install 'invarlock[advanced]'"
        raise EnvironmentFault("E605", f"`{err.name}` is not installed", hint) from err


def write_link(step: Step, key: PrivateKey, folder: Path) -> Path:
    """Sign the link of ``step`` and write it to ``folder`` under the name that in-toto looks for,
    ``STEP.KEYID.link`` with eight digits of the key's id. Raises OSError."""
    from in_toto.models.link import FILENAME_FORMAT, Link
    from in_toto.models.metadata import Envelope

    link = Link(
        name=step.name,
        materials=_hashes(step.materials),
        products=_hashes(step.products),
        command=["invarlock", *STEPS[step.name]],
        byproducts={"return-value": 0},
    )
    signer = _signer(key)
    envelope = Envelope.from_signable(link)
    envelope.create_signature(signer)
    name: str = FILENAME_FORMAT.format(step_name=step.name, keyid=signer.public_key.keyid)
    path = folder / name
    envelope.dump(str(path))
    return path


def make_layout(
    functionaries: Iterable[tuple[str, PublicKey]],
    expires: datetime,
    owner: PrivateKey,
    subject: str,
) -> bytes:
    """The layout template with keys, expiry and the deployed model's place, signed by ``owner``.

    ``functionaries`` pairs a step with a key that may sign its link. ``subject`` is the path at
    which whoever verifies has the model. Raises :class:`UsageFault` E701 for an unknown step or
    one that nobody may carry out.
    """
    from in_toto.models.layout import Layout
    from in_toto.models.metadata import Envelope

    layout = Layout.read(filled(functionaries, expires, subject))
    envelope = Envelope.from_signable(layout)
    envelope.create_signature(_signer(owner))
    return json.dumps(envelope.to_dict(), sort_keys=True).encode()


def filled(
    functionaries: Iterable[tuple[str, PublicKey]], expires: datetime, subject: str
) -> dict[str, Any]:
    """The template as a layout's fields, filled in. Raises as :func:`make_layout` does."""
    document: dict[str, Any] = json.loads((data_folder("attest") / TEMPLATE).read_bytes())
    steps = {step["name"]: step for step in document["steps"]}
    for name, public in functionaries:
        if name not in steps:
            raise UsageFault("E701", f"no step `{name[:40]}`", f"one of {', '.join(STEPS)}")
        key = _public(public)
        document["keys"][key.keyid] = {**key.to_dict(), "keyid": key.keyid}
        steps[name]["pubkeys"].append(key.keyid)
    lacking = [name for name in STEPS if not steps[name]["pubkeys"]]
    if lacking:
        what = f"nobody may carry out `{lacking[0]}`"
        raise UsageFault("E701", what, f"pass --functionary {lacking[0]}=PUB")
    document["expires"] = expires.astimezone(UTC).strftime(_EXPIRES)
    for inspection in document["inspect"]:
        inspection["run"] = [subject if word == "SUBJECT" else word for word in inspection["run"]]
    return document


def _hashes(artifacts: Artifacts) -> Mapping[str, dict[str, str]]:
    return {name: {"sha256": value.removeprefix("sha256:")} for name, value in artifacts.items()}


def _public(public: PublicKey) -> SSlibKey:
    from securesystemslib.signer import SSlibKey

    return SSlibKey.from_crypto(public.key)


def _signer(key: PrivateKey) -> CryptoSigner:
    from securesystemslib.signer import CryptoSigner

    return CryptoSigner(key.key, _public(key.public))
