"""Who is told of a difference: a command, a webhook. Each is told by itself, within a time limit.

A webhook is the one thing here that reaches a network, and only the address that was named: no
proxy of the environment, no redirect, and nothing in the clear but to this machine itself.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from invarlock.errors import UsageFault
from invarlock.security import temporarily_allow_network
from invarlock.verify.watch.check import Check

COMMAND_SECONDS: Final = 60
WEBHOOK_SECONDS: Final = 10
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Alerts:
    """Whom to tell: an argument vector (no shell reads it), and an address."""

    command: tuple[str, ...] = ()
    webhook: str | None = None

    def tell(self, check: Check) -> Iterator[str]:
        """Tell all of them of ``check``, as JSON; why one could not be told."""
        body = check.model_dump_json().encode()
        if self.command:
            yield from run_command(self.command, body)
        if self.webhook is not None:
            yield from post(self.webhook, body)


def parse_alerts(command: str | None, webhook: str | None) -> Alerts:
    """``command`` split as a shell splits words, and nothing more; ``webhook`` an `https` address,
    or `http` of this machine. Raises :class:`UsageFault` E701."""
    try:
        words = tuple(shlex.split(command)) if command is not None else ()
    except ValueError as err:
        raise UsageFault("E701", f"--exec: {str(err).lower()}", "close the quotes") from err
    if command is not None and not words:
        raise UsageFault("E701", "--exec names no command", "name one, or drop it")
    if webhook is not None:
        _check_address(webhook)
    return Alerts(words, webhook)


def run_command(argv: Sequence[str], body: bytes) -> Iterator[str]:
    """Run ``argv`` with ``body`` on its standard input."""
    try:
        done = subprocess.run(
            argv,
            input=body,
            stdout=subprocess.DEVNULL,
            timeout=COMMAND_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        yield f"--exec: `{argv[0]}` took more than {COMMAND_SECONDS} seconds"
    except OSError as err:
        yield f"--exec: `{argv[0]}`: {(err.strerror or 'cannot be run').lower()}"
    else:
        if done.returncode != 0:
            yield f"--exec: `{argv[0]}` gave {done.returncode}"


def post(address: str, body: bytes) -> Iterator[str]:
    """POST ``body`` as JSON; naming the address is the consent to reach it."""
    from http.client import HTTPException
    from urllib.request import ProxyHandler, Request, build_opener

    opener = build_opener(ProxyHandler({}), _no_redirects())
    try:
        request = Request(  # noqa: S310 - the scheme was checked
            address, data=body, headers={"Content-Type": "application/json"}, method="POST"
        )
        with temporarily_allow_network(), opener.open(request, timeout=WEBHOOK_SECONDS):
            return
    except (OSError, HTTPException, ValueError) as err:
        # URLError and HTTPError are OSErrors; a name that cannot be written in ASCII is the last.
        yield f"--webhook: {_unanswered(err)}"


def _unanswered(err: Exception) -> str:
    """Why nobody took a message, in few words."""
    from urllib.error import HTTPError, URLError

    if isinstance(err, HTTPError):
        return f"the address answered {err.code}"
    why = err.reason if isinstance(err, URLError) else err
    said = why.strerror if isinstance(why, OSError) and why.strerror else str(why)
    told = " ".join(said.split())[:200] or type(err).__name__
    return f"nobody could be told: `{told}`"


def _no_redirects() -> Any:
    from urllib.request import HTTPRedirectHandler

    class Refusing(HTTPRedirectHandler):
        """Whoever answers does not choose who is told."""

        def redirect_request(self, *_: Any, **__: Any) -> None:
            return None

    return Refusing()


def _check_address(address: str) -> None:
    try:
        parts = urlsplit(address)
        host = parts.hostname
        _ = parts.port, (host or "").encode("idna")  # what a client would ask of them later
        f"{parts.path}?{parts.query}".encode("ascii")
    except ValueError as err:
        raise UsageFault(
            "E701", "--webhook is no address", "write `https://…`, in ASCII after the host"
        ) from err
    local = parts.scheme == "http" and host in _LOOPBACK
    if not host or not (parts.scheme == "https" or local):
        hint = "`http` is for this machine alone"
        raise UsageFault("E701", "--webhook is no `https` address", hint)
