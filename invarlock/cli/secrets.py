"""Passphrases and PINs: from the environment, or typed on a terminal; never an argument."""

from __future__ import annotations

import os
import sys
from typing import Final

import click

from invarlock.errors import UsageFault

VARIABLE: Final = "INVARLOCK_KEY_PASSPHRASE"


def ask(what: str) -> str:
    """The secret ``what`` names, such as ``passphrase of `key```.

    Raises :class:`UsageFault` E703 where there is neither variable nor terminal.
    """
    return _given(what, confirm=False)


class Asked:
    """:func:`ask`, once for each secret however often a command signs."""

    def __init__(self) -> None:
        self._given: dict[str, str] = {}

    def __call__(self, what: str) -> str:
        """The secret that ``what`` names."""
        if what not in self._given:
            self._given[what] = ask(what)
        return self._given[what]


def ask_new(what: str) -> str:
    """A secret that is being chosen; typed twice."""
    return _given(what, confirm=True)


def _given(what: str, *, confirm: bool) -> str:
    given = os.environ.get(VARIABLE)
    if given is not None:
        return given
    if not sys.stdin.isatty():
        hint = f"set {VARIABLE}, or run this on a terminal"
        raise UsageFault("E703", f"the {what} is needed", hint)
    typed: str = click.prompt(what, hide_input=True, confirmation_prompt=confirm, err=True)
    return typed
