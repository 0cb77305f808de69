"""Put a bundle at its place: whole or not at all, and never over what somebody else signed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from invarlock.attest.bundle import MAX_BUNDLE, Signed, parse_bundle, verify_signature
from invarlock.attest.keyless import KeylessSigning
from invarlock.attest.keys import PublicKey
from invarlock.attest.signers import KeySigning, key_path
from invarlock.errors import EnvironmentFault, UsageFault, VerificationFault

_OTHER = "choose another --out, or remove it"


def check_free(target: Path) -> None:
    """Raise :class:`UsageFault` E702 when something stands at ``target``."""
    if os.path.lexists(target):
        raise _taken(target)


def check_own(target: Path, signer: Path | KeySigning | KeylessSigning) -> None:
    """Raise :class:`UsageFault` E702 when something stands at ``target`` that ``signer`` cannot be
    shown to have signed: under an identity, whose certificates are new each time, and a key that
    does not exist yet, that is anything."""
    if not os.path.lexists(target):
        return
    if isinstance(signer, KeylessSigning):
        raise _taken(target)
    path = signer if isinstance(signer, Path) else key_path(signer.uri)
    if standing(target) is None or (path is not None and not os.path.lexists(path)):
        raise _taken(target)


def check_signed_by(target: Path, public: PublicKey | None) -> None:
    """Raise :class:`UsageFault` E702 when what stands at ``target`` is no bundle by ``public``."""
    if not os.path.lexists(target):
        return
    found = standing(target)
    try:
        if found is not None and public is not None:
            verify_signature(found, [public])
            return
    except VerificationFault as err:
        raise _taken(target) from err
    raise _taken(target)


def standing(target: Path) -> Signed | None:
    """The bundle at ``target``, nothing of it verified; ``None`` where there is none.

    Raises :class:`EnvironmentFault` E602 for one that cannot be read.
    """
    if not target.is_file():
        return None
    try:
        with target.open("rb") as stream:
            return parse_bundle(stream.read(MAX_BUNDLE + 1))
    except VerificationFault:
        return None
    except OSError as err:
        raise EnvironmentFault("E602", f"cannot read `{target}`", _OTHER) from err


def new_file(target: Path, data: bytes) -> None:
    """Write ``data`` to ``target``, which must not exist: never half of it.

    Raises :class:`UsageFault` E702 where it does; otherwise as :func:`replace_file`.
    """
    _place(target, data, lambda beside: os.link(beside, target))


def replace_file(target: Path, data: bytes) -> None:
    """Write ``data`` beside ``target``, flush it, and rename: never half a bundle.

    Raises :class:`UsageFault` E702 where ``target`` is a folder, and :class:`EnvironmentFault`
    E601, E602 or E603 for what cannot be written.
    """
    _place(target, data, lambda beside: beside.replace(target))


def _place(target: Path, data: bytes, put: Callable[[Path], object]) -> None:
    if target.is_dir():
        raise UsageFault("E702", f"`{target}` is a folder", "name a file in it")
    folder = target.absolute().parent
    try:
        fd, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=folder)
    except (FileNotFoundError, NotADirectoryError) as err:
        raise EnvironmentFault("E601", f"no folder for `{target}`", "make it first") from err
    except PermissionError as err:
        hint = f"check the mode of `{folder}`, or name a file elsewhere"
        raise EnvironmentFault("E602", f"cannot write `{target}`", hint) from err
    except OSError as err:
        raise _unwritten(target, err) from err
    beside = Path(name)
    try:
        with os.fdopen(fd, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        beside.chmod(0o644)
        put(beside)
    except FileExistsError as err:
        raise _taken(target) from err
    except OSError as err:
        raise _unwritten(target, err) from err
    finally:
        beside.unlink(missing_ok=True)


def _unwritten(target: Path, err: OSError) -> EnvironmentFault:
    why = (err.strerror or "for a reason unknown").lower()
    hint = "free space, or name a file elsewhere"
    return EnvironmentFault("E603", f"cannot write `{target}`: {why}", hint)


def _taken(target: Path) -> UsageFault:
    if target.is_dir():
        return UsageFault("E702", f"`{target}` is a folder", "name a file in it")
    return UsageFault("E702", f"`{target}` already exists", _OTHER)
