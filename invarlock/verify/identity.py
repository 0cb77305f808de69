"""Whether a certificate names somebody whom the consumer trusts.

A workflow's certificate names the workflow that signs. Anybody's repository can call it, if it is
reusable, and for any ref; so the source repository and ref, which stand in extensions, must fit,
too (DESIGN section 6).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from invarlock.errors import CODES, VerificationFault
from invarlock.policy.ir import Signers
from invarlock.policy.signers import describe_rule
from invarlock.verify.request import ExpectedIdentity

if TYPE_CHECKING:
    from invarlock.attest.certificate import CertificateIdentity


def check_identity(found: CertificateIdentity, expected: Sequence[ExpectedIdentity]) -> None:
    """Raise :class:`VerificationFault` E420 unless ``found`` is one of ``expected``."""
    whys = [why for one in expected if (why := _mismatch(found, one)) is not None]
    if len(whys) < len(expected):
        return
    what, hint = whys[0] if len(whys) == 1 else (_nobody(found), CODES["E420"].remedy)
    raise VerificationFault("E420", what, hint)


def check_rules(found: CertificateIdentity, gates: Sequence[Signers]) -> None:
    """Raise :class:`VerificationFault` E420 unless all ``gates`` allow the workflow ``found``."""
    workflow = found.workflow
    if workflow is None:
        hint = "name whom you trust by --identity and --issuer; a policy's signers are workflows"
        raise VerificationFault("E420", f"`{found.name}` is no workflow of a repository", hint)
    if not all(gate.accepts(workflow) for gate in gates):
        hint = "see the signers that `signature.by` of your bar names"
        what = f"signed by `{describe_rule(workflow)}`, which your bar does not allow"
        raise VerificationFault("E420", what, hint)


def _mismatch(found: CertificateIdentity, expected: ExpectedIdentity) -> tuple[str, str] | None:
    """What about ``found`` is not ``expected``, with a hint; ``None`` where all of it is."""
    for word, seen, wanted in (
        ("identity", found.name, expected.identity),
        ("issuer", found.issuer, expected.issuer),
        ("repository", found.repository, expected.repository),
        ("ref", found.ref, expected.ref),
    ):
        if wanted is not None and seen != wanted:
            shown = "nobody's" if seen is None else f"`{seen}`"
            return f"the {word} is {shown}, not `{wanted}`", CODES["E420"].remedy
    if expected.repository is None and not _at_home(found):
        what = f"`{found.name}` was called from the repository `{found.repository}`"
        return what, "do not deploy, unless you know that repository; then pass --repository"
    if expected.ref is None and not _own_ref(found):
        what = f"`{found.name}` was called for the ref `{found.ref}`"
        return what, "do not deploy, unless you know that ref; then pass --ref"
    return None


def _at_home(found: CertificateIdentity) -> bool:
    """Whether the workflow that signs is in the repository that it ran for."""
    return found.repository is None or found.name.startswith(f"{found.repository}/")


def _own_ref(found: CertificateIdentity) -> bool:
    """Whether the workflow that signs was taken from the ref that it ran for."""
    if found.ref is None or found.repository is None or "@" not in found.name:
        return True
    return found.name.endswith(f"@{found.ref}")


def _nobody(found: CertificateIdentity) -> str:
    return f"signed by `{found.name}` (`{found.issuer}`), which is none of the identities named"
