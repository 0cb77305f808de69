"""Policies out of git: ``REV:path``, with the files that they include, all from one commit.

git runs by an argument vector, without a shell. The revision is resolved to a commit once, so that
a branch that moves in between changes nothing; hooks, filters, replaced objects and fetching what
is not there stay off.
"""

from __future__ import annotations

import os
import posixpath
import subprocess
from dataclasses import dataclass
from typing import Final

from invarlock.errors import EnvironmentFault, UsageFault
from invarlock.policy.decode import MAX_BYTES
from invarlock.policy.diagnostics import shown

_GIT: Final = ("git", "--no-replace-objects", "-c", "protocol.allow=never")
_QUIET: Final = {"GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
_SECONDS: Final = 60
"""Time that git has for one answer."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One commit of the repository of the working directory.

    ``name`` is the revision as the user typed it, ``commit`` its object id.
    """

    name: str
    commit: str

    def read(self, path: str) -> bytes:
        """The file at ``path``, which is relative to the root of the repository, or to the
        working directory if it begins with ``./``.

        Raises :class:`EnvironmentFault` E135 where there is no such file, and
        :class:`UsageFault` E115 for one that is too large for a policy.
        """
        place = f"{self.commit}:{path}"
        size = _git("cat-file", "-s", place)
        if size is not None and int(size) > MAX_BYTES:
            message = f"`{shown(path)}` has {int(size)} bytes, more than {MAX_BYTES}"
            raise UsageFault("E115", message, "split the policy")
        data = None if size is None else _git("cat-file", "blob", place)
        if data is None:
            message = f"`{shown(self.name)}` holds no file `{shown(path)}`"
            raise EnvironmentFault("E135", message, "write its path from the repository's root")
        return data

    def beside(self, path: str, name: str) -> bytes:
        """The file ``name``, relative to the folder that ``path`` stands in. Raises as
        :meth:`read`."""
        return self.read(_joined(path, name))


def _joined(path: str, name: str) -> str:
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
    return f"./{joined}" if path.startswith("./") else joined


def open_revision(name: str) -> Revision:
    """The commit that ``name`` stands for.

    Raises :class:`EnvironmentFault` E135 for a name that git does not know or could take for an
    option, and where git or a repository is missing.
    """
    if name.startswith("-") or not name.isprintable() or not name:
        message = f"`{shown(name)}` is no name of a revision"
        raise EnvironmentFault("E135", message, "name a branch, a tag or a commit")
    commit = _git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    if commit is None:
        if _git("rev-parse", "--git-dir") is None:
            message = "the working directory is in no git repository that can be read"
            raise EnvironmentFault("E135", message, "run the command inside the repository")
        message = f"git knows no revision `{shown(name)}`"
        raise EnvironmentFault("E135", message, "name a branch, a tag or a commit; fetch it first")
    return Revision(name, commit.decode("ascii", "replace").strip())


def _git(*arguments: str) -> bytes | None:
    """What git prints; ``None`` where it refuses."""
    try:
        done = subprocess.run(
            (*_GIT, *arguments),
            env={**os.environ, **_QUIET},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except OSError as err:
        raise EnvironmentFault("E135", "git cannot be run", "install git") from err
    except subprocess.TimeoutExpired as err:
        raise EnvironmentFault("E135", "git does not answer", "try it by hand") from err
    return done.stdout if done.returncode == 0 else None
