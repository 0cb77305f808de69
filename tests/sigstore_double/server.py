"""The double's HTTP: one port of the loopback, a path for each service."""

from __future__ import annotations

import base64
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from cryptography import x509

from invarlock.security import temporarily_allow_network
from tests.sigstore_double.tokens import claims_of

if TYPE_CHECKING:
    from tests.sigstore_double.double import SigstoreDouble


class Handler(BaseHTTPRequestHandler):
    """Requests of the Sigstore client, and of an OIDC login or a CI job that wants a token."""

    protocol_version = "HTTP/1.1"
    double: ClassVar[SigstoreDouble]

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        match url.path:
            case "/oidc/.well-known/openid-configuration":
                base = f"{self.double.url}/oidc"
                ends = {"authorization_endpoint": "auth", "token_endpoint": "token"}
                self._json({key: f"{base}/{end}" for key, end in ends.items()})
            case "/oidc/auth":
                back = f"{query['redirect_uri']}?code=4711&state={query['state']}"
                self._send(302, b"", "text/plain", location=back)
            case "/ci/token":
                bearer = self.headers["Authorization"] == "bearer ci-job"
                asked = bearer and query["audience"] == "sigstore"
                self._json({"value": self.double.ambient} if asked else {}, 200 if asked else 403)
            case _:
                self._send(404, b"", "text/plain")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        match self.path:
            case "/api/v2/signingCert":
                self._json(self._certificate(json.loads(body)))
            case "/rekor1/api/v1/log/entries":
                self._json(self.double.rekor_v1.create(json.loads(body)), 201)
            case "/rekor2/api/v2/log/entries":
                self._json(self.double.rekor_v2.create(json.loads(body)), 201)
            case "/tsa" if self.double.faults.tsa_down:
                self._send(503, b"", "text/plain")
            case "/tsa":
                answer = self.double.tsa.answer(body)
                self._send(201, answer, "application/timestamp-reply")
            case "/oidc/token":
                self._json({"access_token": self.double.personal})
            case _:
                self._send(404, b"", "text/plain")

    def _certificate(self, request: dict[str, Any]) -> dict[str, Any]:
        claims = claims_of(self.headers["Authorization"].removeprefix("Bearer "))
        pem = base64.b64decode(request["certificateSigningRequest"])
        chain = self.double.fulcio.issue(x509.load_pem_x509_csr(pem), claims)
        return {"signedCertificateEmbeddedSct": {"chain": {"certificates": chain}}}

    def _json(self, value: dict[str, Any], status: int = 200) -> None:
        self._send(status, json.dumps(value).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str, location: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if location is not None:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's word
        """Nothing: the tests' output is their own."""


def serve(double: SigstoreDouble) -> ThreadingHTTPServer:
    """A server on a port of its own; the caller runs and closes it."""
    handler = type("Bound", (Handler,), {"double": double})
    with temporarily_allow_network():  # a command under test may have armed the tripwire
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    return server
