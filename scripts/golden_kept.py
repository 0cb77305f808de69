"""Golden artifacts that cannot come out the same twice, made once and then kept.

A keyless bundle holds certificates, log entries and timestamps of a moment, here by a Sigstore of
the tests whose keys are gone; a summary names the version of what verified. Both are made where
they are absent, and never made again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from invarlock.attest.bundle import sign_bundle
from invarlock.attest.keyless import KeylessSigning, sign_keyless
from invarlock.attest.keys import PrivateKey
from invarlock.canonical import digest_bytes
from invarlock.verify.engine import verify_bundle
from invarlock.verify.request import VerifyRequest
from invarlock.verify.summary import VERIFIER, Circumstances, summary_bytes
from tests.sigstore_double import GitHub, SigstoreDouble
from tests.sigstore_double.tokens import token

BUNDLE: Final = "run/attestation.sigstore.json"
KEPT: Final = (
    "keyless/attestation.rekor1.sigstore.json",
    "keyless/attestation.rekor2.sigstore.json",
    "keyless/trusted-root.json",
    "summary.vsa.sigstore.json",
)
_MADE: Final = 1_767_323_045
"""When the summary says that it was made: 2026-01-02T03:04:05Z, as the run."""


def kept(folder: Path, written: Mapping[str, bytes], key: PrivateKey, bar: str) -> dict[str, bytes]:
    """The kept files that lie in ``folder``, or, where any is absent, all made anew from the files
    ``written``; ``bar`` is the policy's."""
    if all((folder / name).is_file() for name in KEPT):
        return {name: (folder / name).read_bytes() for name in KEPT}
    return {**_keyless(written["statement.json"]), KEPT[-1]: _summary(written, key, bar)}


def _keyless(statement: bytes) -> dict[str, bytes]:
    made = {}
    with SigstoreDouble() as double, TemporaryDirectory() as folder:
        for rekor, name in ((1, KEPT[0]), (2, KEPT[1])):
            config = double.write(Path(folder), rekor)
            signing = KeylessSigning(config, token(GitHub().claims()))
            made[name] = sign_keyless([statement], signing)[0].bundle
        made[KEPT[2]] = json.dumps(double.trusted_root, indent=2).encode() + b"\n"
    return made


def _summary(written: Mapping[str, bytes], key: PrivateKey, bar: str) -> bytes:
    """A VSA of the golden run, signed with its own key."""
    with TemporaryDirectory() as folder:
        root = Path(folder)
        for name, data in written.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(data)
        request = VerifyRequest(
            bundle=root / BUNDLE,
            keys=(root / "key.pub",),
            subject=root / "subject",
            baseline=root / "baseline",
            data=root / "data.jsonl",
            policy=f"{root / 'policy.invar'}#{bar}",
        )
        result = verify_bundle(request)
    if result.exit_code != 0 or result.subject is None:
        raise SystemExit("the golden run does not pass")
    said = Circumstances(
        subject=result.subject,
        name="subject",
        resource=None,
        bundles=(("attestation.sigstore.json", digest_bytes(written[BUNDLE])),),
        verifier=VERIFIER,
        seconds=_MADE,
    )
    return sign_bundle(summary_bytes("vsa", result, said), key)
