"""``invarlock policy``: write, check, compare and compile policies."""

from __future__ import annotations

from typing import Final

import click

from invarlock.cli.lazy import Entry, LazyGroup

_HERE: Final = "invarlock.cli.policy"
_COMMANDS: Final[dict[str, Entry]] = {
    "check": (f"{_HERE}.compiling", "check", "Print everything found in policies."),
    "compile": (f"{_HERE}.compiling", "compile_", "Compile a policy to its IR."),
    "digest": (f"{_HERE}.compiling", "digest", "Print the digests of a policy and its bars."),
    "show": (f"{_HERE}.show", "show", "Show one bar, in words, with the source of each number."),
    "fmt": (f"{_HERE}.fmt", "fmt", "Lay policies out in the one style of the language."),
    "new": (f"{_HERE}.new", "new", "Write a starting policy."),
    "migrate": (f"{_HERE}.migrate", "migrate", "Bring policies to the current language version."),
    "freeze": (f"{_HERE}.freeze", "freeze", "Pin what policies include."),
    "docs": (f"{_HERE}.docs", "docs", "Write a policy as a Markdown page."),
    "lint": (f"{_HERE}.lint", "lint", "Say what a reviewer of a bar would ask about."),
    "test": (f"{_HERE}.test", "test", "Run the tests of policies, and boundary cases."),
    "attest": (f"{_HERE}.attest", "attest", "Sign one bar by itself, before it is used."),
    "compare": (f"{_HERE}.compare", "compare", "Is a new policy stricter or weaker than an old?"),
    "explain": (f"{_HERE}.explain", "explain", "Explain a code of a diagnostic, or list them."),
}


@click.group(cls=LazyGroup, entries=_COMMANDS)
def policy() -> None:
    """Write, check, compare and compile policies."""
