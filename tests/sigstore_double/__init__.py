"""A Sigstore of one's own over loopback HTTP, for tests; no part of it is for anything else.

Fulcio with a root, an intermediate and a CT log; Rekor v1 and v2; a timestamp authority; an issuer
of tokens that look like GitHub's or a person's. It checks no token's signature, and it misbehaves
on request (:class:`~tests.sigstore_double.faults.Faults`), so that a verifier has something to
refuse. Formats: https://github.com/sigstore/protobuf-specs, RFC 6962, RFC 3161.
"""

from tests.sigstore_double.double import SigstoreDouble
from tests.sigstore_double.faults import Faults
from tests.sigstore_double.tokens import GitHub

__all__ = ["Faults", "GitHub", "SigstoreDouble"]
