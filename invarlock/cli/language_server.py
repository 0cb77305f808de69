"""``invarlock language-server``: answers an editor."""

from __future__ import annotations

from typing import Final

import click

from invarlock.errors import EnvironmentFault

_PARTS: Final = frozenset({"attrs", "cattrs", "lsprotocol", "pygls"})


@click.command("language-server")
@click.option("--stdio", is_flag=True, help="The only way, and the default: clients pass it.")
def language_server(stdio: bool) -> int:
    """Serve an editor on standard input and output (Language Server Protocol 3.17).

    Needs the extra `advanced`. grammar/editors/README.md says how to set up an editor.
    """
    try:
        from invarlock.authoring.server.features import serve
    except ModuleNotFoundError as err:
        missing = (err.name or "").partition(".")[0]
        if missing not in _PARTS:
            raise
        message = f"`{missing}` is not installed"
        raise EnvironmentFault("E605", message, "pip install 'invarlock[advanced]'") from err
    return serve()
