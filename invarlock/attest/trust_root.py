"""The keys and authorities that a Sigstore is known by, from the consumer or from the library.

Nothing is fetched and nothing is written: the public instance's root is the one inside the
installed `sigstore` package, read where it lies. Source: `TrustedRoot` 0.1 and
`ClientTrustConfig` 0.1 of https://github.com/sigstore/protobuf-specs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from invarlock.artifacts.regular import open_file
from invarlock.attest.parse import foreign_names
from invarlock.attest.sigstore_extra import missing_extra
from invarlock.canonical import StrictJsonError, strict_json
from invarlock.errors import EnvironmentFault, UsageFault

if TYPE_CHECKING:
    from sigstore.models import TrustedRoot

PUBLIC: Final = "https://tuf-repo-cdn.sigstore.dev"
"""The repository of the public instance's trust root; a copy comes with the library."""
_MAX_FILE: Final = 4 << 20
_LISTS: Final = {
    "certificateAuthorities": "certificate authority",
    "tlogs": "log",
    "ctlogs": "certificate log",
}
"""Every list of a trusted root that a keyless bundle needs one of, and what one is called."""
_STAMPING: Final = {"timestampAuthorities": "timestamp authority"}


@dataclass(frozen=True, slots=True)
class TrustRoot:
    """A trusted root as JSON; ``renew_by`` is when a copy in a package should have been replaced.

    ``source`` says for people where it came from.
    """

    document: dict[str, Any]
    source: str
    renew_by: datetime | None = None

    def parsed(self) -> TrustedRoot:
        """The root as `sigstore` takes it. Raises :class:`UsageFault` E701 for another shape."""
        return _parsed(self.document, self.source)

    def at(self, times: Iterable[datetime]) -> TrustedRoot | None:
        """The part of the root that was in use at all ``times``; ``None`` where that is all of it.

        `sigstore` takes authorities and logs whose time is over, too, whenever they signed.
        """
        moments = list(times)
        kept = {
            name: [item for item in self.document.get(name, []) if _covers(item, moments)]
            for name in _LISTS
        }
        if all(kept[name] == self.document.get(name, []) for name in _LISTS):
            return None
        return _shaped({**self.document, **kept})

    def stale(self, now: datetime) -> str | None:
        """Why this root may not know of today's keys, or ``None``: a package's copy that was to
        be renewed by now, or a list in which nothing is in use any more."""
        if self.renew_by is not None and self.renew_by < now:
            return f"{self.source} was to be renewed by {self.renew_by.date().isoformat()}"
        for name, what in {**_LISTS, **_STAMPING}.items():
            listed = self.document.get(name, [])
            if listed and not any(_covers(item, [now]) for item in listed):
                return f"no {what} of {self.source} is in use any more"
        return None


def public_root() -> TrustRoot:
    """The public instance's root, as it was when the installed `sigstore` was made.

    Raises :class:`EnvironmentFault` E605 without the extra.
    """
    try:
        store = resources.files("sigstore._store") / quote(PUBLIC, safe="")
        document = json.loads((store / "trusted_root.json").read_bytes())
        metadata = json.loads((store / "root.json").read_bytes())
    except ModuleNotFoundError as err:
        raise missing_extra() from err
    return TrustRoot(
        document=document,
        source="the public trust root in the installed `sigstore`",
        renew_by=datetime.fromisoformat(metadata["signed"]["expires"]),
    )


def root_of_file(path: Path) -> TrustRoot:
    """The trusted root in the file ``path``, or the one in a trust configuration there.

    Raises :class:`UsageFault` E701 for another kind of file, E601 or E602 where it cannot be read.
    """
    document = read_document(path)
    inner = document.get("trustedRoot", document)
    if not isinstance(inner, dict):
        raise _no_root(f"`{path}`")
    root = TrustRoot(document=inner, source=f"`{path}`")
    if any(foreign_names(inner)):
        raise _no_root(f"`{path}`")
    root.parsed()
    return root


def read_document(path: Path) -> dict[str, Any]:
    """The JSON object in ``path``. Raises as :func:`root_of_file`."""
    try:
        with open_file(path) as stream:
            data = stream.read(_MAX_FILE + 1)
        value = strict_json(data, max_bytes=_MAX_FILE)
    except FileNotFoundError as err:
        raise EnvironmentFault("E601", f"no file `{path}`", "check the path") from err
    except OSError as err:
        raise EnvironmentFault("E602", f"cannot read `{path}`", "check its mode") from err
    except StrictJsonError as err:
        raise UsageFault("E701", f"`{path}` is not strict JSON: {err}", "pass another") from err
    if not isinstance(value, dict):
        raise _no_root(f"`{path}`")
    return value


def _shaped(document: dict[str, Any]) -> TrustedRoot:
    from sigstore.models import TrustedRoot
    from sigstore_models.trustroot.v1 import TrustedRoot as Shape

    # A list that is absent is an empty one, which the client library does not know.
    empty: dict[str, Any] = {name: [] for name in (*_LISTS, *_STAMPING)}
    return TrustedRoot(Shape.from_json(json.dumps(empty | document)))


def _parsed(document: dict[str, Any], source: str) -> TrustedRoot:
    try:
        from sigstore.errors import Error
    except ModuleNotFoundError as err:
        raise missing_extra() from err
    try:
        root = _shaped(document)
        authorities = root.get_timestamp_authorities()
        if not authorities:
            root.get_fulcio_certs()
    except (Error, ValueError) as err:
        raise _no_root(source) from err
    return root


def _no_root(source: str) -> UsageFault:
    hint = "pass a Sigstore trusted root or trust configuration"
    return UsageFault("E701", f"{source} holds no trusted root", hint)


def _covers(item: object, moments: list[datetime]) -> bool:
    """Whether an authority or log was in use at each of ``moments``; its ends belong to it."""
    start, end = _window(item)
    return all((start is None or start <= at) and (end is None or at <= end) for at in moments)


def _window(item: object) -> tuple[datetime | None, datetime | None]:
    found = dict.fromkeys(("start", "end")) | dict(_bounds(item))
    return found["start"], found["end"]


def _bounds(item: object) -> Iterator[tuple[str, datetime]]:
    """The ends of ``validFor``, an authority's own or its public key's."""
    if not isinstance(item, dict):
        return
    key = item.get("publicKey")
    window = item.get("validFor") or (key.get("validFor") if isinstance(key, dict) else None)
    for name, text in window.items() if isinstance(window, dict) else ():
        yield name, datetime.fromisoformat(text)
