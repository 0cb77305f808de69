"""References to bars, ``F#tier+profile``, and reading the file they name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from invarlock.errors import EnvironmentFault, UsageFault
from invarlock.policy.compile import MAX_BYTES, Compiled, compile_policy
from invarlock.policy.diagnostics import printable, shown

_BAR: Final = re.compile(r"([a-z][a-z0-9_]*)(?:\+([a-z][a-z0-9_]*))?")


@dataclass(frozen=True, slots=True)
class PolicyReference:
    """A policy file and, where given, one bar of it."""

    path: Path
    tier: str | None = None
    profile: str | None = None


def parse_reference(text: str) -> PolicyReference:
    """Read ``F``, ``F#TIER`` or ``F#TIER+PROFILE``.

    Raises :class:`UsageFault` E701 where what follows the last ``#`` is neither.
    """
    path, mark, bar = text.rpartition("#")
    if not mark:
        path, bar = text, ""
    match = _BAR.fullmatch(bar)
    if not path or (mark and match is None):
        message = f"`{shown(text)}` names no policy and bar"
        raise UsageFault("E701", message, "write `FILE#TIER` or `FILE#TIER+PROFILE`")
    tier, profile = match.groups() if match else (None, None)
    return PolicyReference(Path(path), tier, profile)


def read_source(path: Path, cap: int = MAX_BYTES) -> bytes:
    """The bytes of a policy file, or of another one; at most one more than ``cap``.

    Raises :class:`EnvironmentFault` E601 or E602, :class:`UsageFault` E115 on a folder.
    """
    name = printable(str(path))
    try:
        with path.open("rb") as file:
            return file.read(cap + 1)
    except (FileNotFoundError, NotADirectoryError) as err:
        raise EnvironmentFault("E601", f"`{name}` does not exist", "check the path") from err
    except PermissionError as err:
        hint = "check its owner and mode"
        raise EnvironmentFault("E602", f"permission denied for `{name}`", hint) from err
    except IsADirectoryError as err:
        hint = "pass the policy file"
        raise UsageFault("E115", f"`{name}` is a folder", hint) from err
    except OSError as err:
        reason = (err.strerror or "the system refuses").lower()
        message = f"`{name}` cannot be opened: {reason}"
        raise EnvironmentFault("E601", message, "check the path") from err


def load_policy(path: Path) -> Compiled:
    """Read and compile the policy at ``path``. Raises as :func:`read_source` and
    :func:`compile_policy`."""
    return compile_policy(read_source(path), filename=printable(str(path)))
