"""Where a model's attestation may lie. What is found there is hostile until it is verified.

In the model's folder, `.invarlock/attestation.sigstore.json` or one folder deeper; beside it, the
same in a folder of the model's name and `.invarlock`; or anywhere below a folder of attestations,
by the digest that a statement says its subject has. That digest only finds a bundle; whether it is
true is for the signature.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from invarlock.artifacts.shown import shown
from invarlock.attest.bundle import MAX_BUNDLE, parse_bundle
from invarlock.attest.statement import MAX_STATEMENT
from invarlock.canonical import StrictJsonError, strict_json
from invarlock.errors import VerificationFault
from invarlock.verify.audit.walk import Omitted, walk_folders, why
from invarlock.verify.request import BUNDLE_FILE

RUN_FOLDER: Final = ".invarlock"
BUNDLE_SUFFIX: Final = ".sigstore.json"
MAX_EACH: Final = 64
"""Attestations of one model, by signers that the consumer trusts, that are verified."""
MAX_TRIED: Final = 512
"""Files of one model that are tried, by whomever. Whoever can put files beside a model puts as many
there as he likes, so that what nobody trusted has signed takes no room from what counts."""
MAX_LISTED: Final = 10_000
"""Names of a folder of attestations that are read."""
MAX_INDEXED: Final = 100_000
_BUNDLE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Beside:
    """Bundles in a model's own folders of attestations, not opened, in the order of paths;
    ``unlisted`` says why there may be others."""

    bundles: tuple[Path, ...]
    unlisted: str | None


def beside(model: Path) -> Beside:
    """What lies in the own folders of attestations of ``model``."""
    own = model / RUN_FOLDER
    bundles: list[Path] = []
    unlisted = None
    for place in (own, _sibling(model)):
        if not _is_folder(place):
            continue
        try:
            folders = _folders(place)
        except OSError as err:
            folders, unlisted = [], f"`{shown(str(place))}`: {why(err)}"
        if len(folders) > MAX_LISTED:
            unlisted = f"`{shown(str(place))}` holds more than {MAX_LISTED} names"
        files = (folder / BUNDLE_FILE for folder in (place, *folders))
        bundles += filter(_is_file, files)
    return Beside(tuple(bundles), unlisted)


def indexed(root: Path) -> tuple[Mapping[str, tuple[Path, ...]], tuple[Omitted, ...]]:
    """Bundles below ``root`` by the subject that their statement names, and what could not be read.

    Raises :class:`EnvironmentFault` E601 or E602 for ``root`` itself.
    """
    found: dict[str, list[Path]] = {}
    omitted: list[Omitted] = []
    count = 0
    for folder in walk_folders(root):
        if isinstance(folder, Omitted):
            omitted.append(folder)
            continue
        for name in folder.files:
            if not name.endswith(BUNDLE_SUFFIX):
                continue
            path = root / folder.path / name
            count += 1
            subject = _subject(path) if count <= MAX_INDEXED else None
            if subject is None:
                omitted.append(Omitted(str(path), "no attestation of a model can be read in it"))
            else:
                found.setdefault(subject, []).append(path)
    return {digest: tuple(paths) for digest, paths in found.items()}, tuple(omitted)


def _subject(path: Path) -> str | None:
    """What the bundle says its subject is, unverified; ``None`` where it says nothing."""
    try:
        fd = os.open(path, _BUNDLE)
        with os.fdopen(fd, "rb") as stream:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                return None
            data = stream.read(MAX_BUNDLE + 1)
        statement = strict_json(parse_bundle(data).payload, max_bytes=MAX_STATEMENT)
    except (OSError, VerificationFault, StrictJsonError):
        return None
    match statement:
        case {"subject": [{"digest": {"sha256": str(digest)}}]}:
            return f"sha256:{digest}"
    return None


def _sibling(model: Path) -> Path:
    named = model if model.name not in {"", ".."} else model.resolve()
    return named.parent / (named.name + RUN_FOLDER)


def _folders(place: Path) -> list[Path]:
    """Folders in ``place``, one more than :data:`MAX_LISTED` where there are too many names."""
    with os.scandir(place) as entries:
        read = list(islice(entries, MAX_LISTED + 1))
    if len(read) > MAX_LISTED:
        return [place / entry.name for entry in read]
    return sorted(place / entry.name for entry in read if entry.is_dir(follow_symlinks=False))


def _is_folder(path: Path) -> bool:
    return _mode(path, stat.S_ISDIR)


def _is_file(path: Path) -> bool:
    return _mode(path, stat.S_ISREG)


def _mode(path: Path, kind: Callable[[int], bool]) -> bool:
    try:
        return kind(path.lstat().st_mode)
    except OSError:
        return False
