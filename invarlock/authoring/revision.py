"""Policies out of git: ``REV:path``, with the files that they include, all from one commit.

git runs by an argument vector, without a shell. The revision is resolved to a commit once, so that
a branch that moves in between changes nothing; hooks, filters, replaced objects and fetching what
is not there stay off.
"""

from __future__ import annotations

import os
import posixpath
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from invarlock.errors import EnvironmentFault, UsageFault
from invarlock.policy.decode import MAX_BYTES
from invarlock.policy.diagnostics import shown

_GIT: Final = ("git", "--no-replace-objects", "--literal-pathspecs", "-c", "protocol.allow=never")
_QUIET: Final = {"GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
_SECONDS: Final = 60
"""Time that git has for one answer."""
_KINDS: Final = {"04": "a folder", "12": "a symbolic link", "16": "a submodule"}
"""What is no file in a tree of git, by the first digits of its mode."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One commit of the repository that ``folder`` lies in.

    ``name`` is the revision as the user typed it, ``commit`` its object id, ``prefix`` the way
    from the root of the repository to the folder: empty, or with ``/`` at its end.
    """

    name: str
    commit: str
    folder: Path
    prefix: str

    def read(self, path: str, cap: int = MAX_BYTES) -> bytes:
        """The file at ``path``, which is relative to the root of the repository, or to the
        folder if it begins with ``./`` or ``../``.

        Raises :class:`EnvironmentFault` E135 where there is no such file, nor anything that is
        one (a link is not followed), and :class:`UsageFault` E115 for more bytes than ``cap``.
        """
        entry = self._entry(path)
        if entry is None:
            message = f"`{shown(self.name)}` holds no file `{shown(path)}`"
            raise EnvironmentFault("E135", message, "write its path from the repository's root")
        mode, blob = entry
        if mode[:2] in _KINDS:
            message = f"`{shown(path)}` is {_KINDS[mode[:2]]} in `{shown(self.name)}`, and no file"
            raise EnvironmentFault("E135", message, "name the file itself")
        size, data = _git(self.folder, "cat-file", "-s", blob), None
        if size is not None and int(size) > cap:
            message = f"`{shown(path)}` has {int(size)} bytes, more than {cap}"
            raise UsageFault("E115", message, "split the policy")
        if size is not None:
            data = _git(self.folder, "cat-file", "blob", blob)
        if data is None:
            message = f"`{shown(path)}` of `{shown(self.name)}` is not in this clone"
            raise EnvironmentFault("E135", message, "fetch it first")
        return data

    def beside(self, path: str, name: str) -> bytes:
        """The file ``name``, relative to the folder that ``path`` stands in. Raises as
        :meth:`read`."""
        return self.read(_joined(path, name))

    def _entry(self, path: str) -> tuple[str, str] | None:
        """Mode and object id of what the commit holds at ``path``."""
        inside = self.prefix + path if path.startswith(("./", "../")) else path
        # A path that ends in `/` would list what lies below.
        inside = posixpath.normpath(inside)
        listed = _git(self.folder, "ls-tree", "-z", "--full-tree", self.commit, "--", inside)
        for line in (listed or b"").split(b"\0"):
            head, _, found = line.partition(b"\t")
            if found == os.fsencode(inside):
                mode, _, blob = head.decode("ascii").split(" ")
                return mode, blob
        return None


def _joined(path: str, name: str) -> str:
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
    relative = path.startswith(("./", "../")) and not joined.startswith("../")
    return f"./{joined}" if relative else joined


def open_revision(name: str, folder: Path = Path()) -> Revision:
    """The commit that ``name`` stands for in the repository of ``folder``.

    Raises :class:`EnvironmentFault` E135 for a name that git does not know or could take for an
    option, and where git or a repository is missing.
    """
    if name.startswith("-") or not name.isprintable() or not name:
        message = f"`{shown(name)}` is no name of a revision"
        raise EnvironmentFault("E135", message, "name a branch, a tag or a commit")
    commit = _git(folder, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    if commit is None:
        _check_repository(folder)
        message = f"git knows no revision `{shown(name)}`"
        raise EnvironmentFault("E135", message, "name a branch, a tag or a commit; fetch it first")
    return Revision(name, commit.decode("ascii", "replace").strip(), folder, _prefix(folder))


def commits_of(folder: Path, paths: Sequence[str], limit: int) -> list[Revision]:
    """The commits, newest first and at most ``limit``, in which one of ``paths`` changed, which
    are relative to ``folder``: those of all branches, tags and remotes.

    Raises :class:`EnvironmentFault` E135 where git or a repository is missing.
    """
    _check_repository(folder)
    options = (f"--max-count={limit}", "--all", "--full-history")
    found = _git(folder, "rev-list", *options, "--", *paths)
    commits = [] if found is None else found.decode("ascii", "replace").split()
    prefix = _prefix(folder)
    return [Revision(commit[:12], commit, folder, prefix) for commit in commits]


def _check_repository(folder: Path) -> None:
    if _git(folder, "rev-parse", "--git-dir") is None:
        place = "the working directory" if folder == Path() else f"`{shown(str(folder))}`"
        message = f"{place} is in no git repository that can be read"
        raise EnvironmentFault("E135", message, "run the command inside the repository")


def _prefix(folder: Path) -> str:
    found = _git(folder, "rev-parse", "--show-prefix")
    return "" if found is None else os.fsdecode(found.removesuffix(b"\n"))


def _git(folder: Path, *arguments: str) -> bytes | None:
    """What git prints in ``folder``; ``None`` where it refuses."""
    try:
        done = subprocess.run(
            (*_GIT, *arguments),
            cwd=folder,
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
