"""Compiling the policies of the corpus and of the explain pages, included files beside them."""

from __future__ import annotations

from collections.abc import Mapping

from invarlock.errors import EnvironmentFault
from invarlock.policy import Compiled, Diagnostic, PolicyFault, compile_policy

# Codes of the policy language that a command gives, and no policy file by being compiled.
OF_COMMANDS = {"E110", "E130", "E131", "E132", "E133", "E134", "E135", "E137"}


def diagnostics_of(
    source: bytes, filename: str, files: Mapping[str, str]
) -> tuple[Compiled | None, tuple[Diagnostic, ...]]:
    """What compiling ``source`` gives: the policy if it is valid, and everything found."""

    def read(path: str) -> bytes:
        if path not in files:
            raise EnvironmentFault("E601", f"`{path}` does not exist", "check the path")
        return files[path].encode()

    try:
        done = compile_policy(source, filename=filename, includes=read)
    except PolicyFault as fault:
        return None, fault.diagnostics
    return done, done.warnings


def codes_of(source: str, files: Mapping[str, str]) -> dict[str, str]:
    """Each code that compiling ``source`` gives, with its severity."""
    _, found = diagnostics_of(source.encode(), "sample.invar", files)
    return {diagnostic.code: diagnostic.severity for diagnostic in found}
