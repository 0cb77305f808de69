"""The sources of a policy in the folder of a run: its own, and all that it includes.

The bar compiles again from these files alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from invarlock.errors import UsageFault
from invarlock.judge.records import Span

if TYPE_CHECKING:
    from invarlock.policy import Compiled

SOURCE_FILE: Final = "policy/source.invar"
INCLUDE_FOLDER: Final = "policy/include/"
"""Where included files lie, by their path from the policy's own folder."""


def policy_files(compiled: Compiled) -> dict[str, bytes]:
    """The sources of ``compiled`` by their path in the folder of a run."""
    included = {INCLUDE_FOLDER + path: source for path, source in compiled.includes.items()}
    return {SOURCE_FILE: compiled.source, **included}


def compile_again(files: Mapping[str, bytes]) -> Compiled:
    """The policy whose sources are among ``files``, which are those of a run by path.

    Raises :class:`PolicyFault`; E124 in it names an included file that is not there. ``files``
    must hold :data:`SOURCE_FILE`.
    """
    from invarlock.policy import compile_policy

    def read(path: str) -> bytes:
        found = files.get(INCLUDE_FOLDER + path)
        if found is None:
            raise UsageFault("E124", "it is not in the run", "ask the producer")
        return found

    return compile_policy(files[SOURCE_FILE], filename=SOURCE_FILE, includes=read)


def gate_places(compiled: Compiled, name: str) -> dict[str, Span]:
    """Where in the folder of a run each gate of the bar ``name`` stands, by the gate's id."""
    return {
        gate: Span(
            file=INCLUDE_FOLDER + span.file if span.file else SOURCE_FILE,
            line=span.line,
            column=span.column,
        )
        for gate, span in compiled.spans[name].items()
    }
