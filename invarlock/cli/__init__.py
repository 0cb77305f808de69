"""The root of the command line: lazy command groups, one place where errors become exit codes."""

from __future__ import annotations

import errno
import gc
import json
import os
import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import click
from click.exceptions import NoArgsIsHelpError

from invarlock import __version__
from invarlock.cli.lazy import Entry, LazyGroup
from invarlock.cli.streams import outlive_readers
from invarlock.errors import (
    EXIT_INTERRUPTED,
    EXIT_PASS,
    EXIT_USAGE,
    EnvironmentFault,
    InternalFault,
    InvarlockError,
    UsageFault,
)

# Modules are imported when their command runs, so that `policy check` never waits for cryptography
# or numpy.
_COMMANDS: Final[dict[str, Entry]] = {
    "policy": ("invarlock.cli.policy", "policy", "Check, compile, digest and show policies."),
    "evaluate": ("invarlock.cli.evaluate", "evaluate", "Measure a subject against a baseline."),
    "evidence": ("invarlock.cli.evidence", "evidence", "Import evidence, disclose windows."),
    "attest": ("invarlock.cli.attest", "attest", "Sign what a run's report lists."),
    "verify": ("invarlock.cli.verify", "verify", "Recompute digests and verdict; decide."),
    "audit": ("invarlock.cli.audit", "audit", "Verify every model below a folder."),
    "watch": ("invarlock.cli.watch", "watch", "Hash deployed weights against an attestation."),
    "report": ("invarlock.cli.report", "report", "Render a run for people."),
    "key": ("invarlock.cli.key", "key", "Make signing keys."),
    "advanced": ("invarlock.cli.advanced", "advanced", "Calibrate bounds; in-toto links."),
    "language-server": (
        "invarlock.cli.language_server",
        "language_server",
        "Answer an editor about policies.",
    ),
}

_GARBAGE: Final = 100_000
"""Objects made between two searches for garbage. What imports make is never garbage, and Python's
own 700 has it searched a hundred times before a command begins."""


@click.group(
    cls=LazyGroup,
    entries=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 pass, 1 fail, 2 usage or policy, 3 inconclusive, 4 verification failed, "
    "5 refused for safety, 6 environment, 70 internal, 130 interrupted.",
)
@click.version_option(__version__, prog_name="invarlock")
def cli() -> None:
    """Did this weight edit make the model worse than the one people rely on?"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; nothing it raises reaches the user raw."""
    if argv is None:
        outlive_readers()
        gc.set_threshold(_GARBAGE)
    args = list(sys.argv[1:] if argv is None else argv)
    try:
        return _run(args)
    except InvarlockError as err:
        return _report(err, args)
    except (KeyboardInterrupt, click.Abort):
        click.echo("invarlock: interrupted; no run was written", err=True)
        return EXIT_INTERRUPTED
    except OSError as err:
        return _report(_environment(err), args)
    except MemoryError:
        fault = EnvironmentFault("E604", "out of memory", "use a machine with more of it")
        return _report(fault, args)
    except Exception as err:  # noqa: BLE001 - the last frame: a defect is one line and exit 70
        name = type(err).__name__
        return _report(InternalFault("E901", f"`{name}`: {_one_line(str(err))}"), args)


def _run(args: list[str]) -> int:
    # Plugins of pydantic are third-party code that would load by themselves, and take time.
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
    # No command multiplies matrices itself; starting the threads for it takes half of importing
    # numpy. The boundary's processes are told their own number.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    from invarlock.security import enforce_default_security  # after click has what it needs

    enforce_default_security()
    try:
        result = cli.main(args=args, prog_name="invarlock", standalone_mode=False)
    except NoArgsIsHelpError as err:
        click.echo(err.format_message(), err=True)
        return EXIT_USAGE
    except click.UsageError as err:
        message = _one_line(err.format_message()).rstrip(".").replace("'", "`")
        where = err.ctx.command_path if err.ctx is not None else "invarlock"
        lowered = message[:1].lower() + message[1:]
        raise UsageFault("E701", lowered, f"see `{where} --help`") from err
    except click.ClickException as err:
        raise UsageFault("E701", _one_line(err.format_message())) from err
    return result if isinstance(result, int) else EXIT_PASS


def _environment(err: OSError) -> InvarlockError:
    name = err.filename if isinstance(err.filename, str) else "the output"
    match err.errno:
        case errno.ENOSPC | errno.EDQUOT | errno.EROFS:
            return EnvironmentFault("E603", f"cannot write `{name}`: {err.strerror}", "free space")
        case errno.EACCES | errno.EPERM:
            return EnvironmentFault("E602", f"permission denied for `{name}`", "check its mode")
        case errno.ENOENT | errno.ENOTDIR:
            return EnvironmentFault("E601", f"`{name}` does not exist", "check the path")
        case _:
            return EnvironmentFault("E603", f"cannot use `{name}`: {_one_line(str(err))}")


def _report(err: InvarlockError, args: Sequence[str]) -> int:
    from invarlock.policy.diagnostics import plain

    if _wants_json(args):
        click.echo(json.dumps(err.document()))  # in ASCII: a path need be no text
    else:
        # Messages quote what nobody has signed: it may neither steer a terminal nor add a line.
        click.echo("invarlock: " + "\n".join(map(plain, err.lines())), err=True)
    return err.exit_code


def _wants_json(args: Sequence[str]) -> bool:
    return "--format=json" in args or ("--format", "json") in pairwise(args)


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:400]
