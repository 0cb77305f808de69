"""``invarlock advanced link``: carry out a step of a release, and sign an in-toto link of it."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from invarlock.errors import (
    EXIT_FAIL,
    EXIT_INCONCLUSIVE,
    EXIT_PASS,
    UsageFault,
    VerificationFault,
)

if TYPE_CHECKING:
    from invarlock.attest.steps import Step

_VERDICTS: Final = frozenset({EXIT_PASS, EXIT_FAIL, EXIT_INCONCLUSIVE})


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option(
    "--key",
    required=True,
    type=click.Path(path_type=Path),
    help="The functionary's private key, which signs the link.",
)
@click.option(
    "--links",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Folder to write the link to.  [default: the current one]",
)
@click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND...")
@click.pass_context
def link(ctx: click.Context, key: Path, links: Path, words: tuple[str, ...]) -> None:
    """Run COMMAND, and write an in-toto link of what it took in and gave out.

    COMMAND is `policy compile`, `evaluate`, `attest` or `verify` with its options; the steps are
    compile, measure, attest, verify. A failed evaluation gets its link too; of `verify` there is
    a link only when it passed by the evidence, and its result is kept as verification.json beside
    the link.
    """
    from invarlock.attest.keys import load_private
    from invarlock.attest.links import check_installed, write_link
    from invarlock.cli.secrets import ask

    step, command = _find(ctx, words)
    check_installed()
    private = load_private(key, ask)
    links.mkdir(parents=True, exist_ok=True)
    if step == "verify":
        code, done = _verify(ctx, command, words, links)
    else:
        with command.make_context(command.name, _rest(words, step), parent=ctx) as inner:
            if inner.params.get("dry_run"):
                raise UsageFault("E701", "a dry run is no step", "drop --dry-run")
            code = _invoke(inner)
            done = _done(step, inner.params) if code in _VERDICTS else None
    if done is None:
        click.echo(f"no link      `{step}` ended with {code}", err=True)
    else:
        click.echo(f"link         {write_link(done, private, links)}", err=True)
    ctx.exit(code)


def _find(ctx: click.Context, words: tuple[str, ...]) -> tuple[str, click.Command]:
    from invarlock.attest.steps import STEPS

    for step, names in STEPS.items():
        if words[: len(names)] != names:
            continue
        found: click.Command | None = ctx.find_root().command
        for name in names:
            found = found.get_command(ctx, name) if isinstance(found, click.Group) else None
        if found is not None:
            return step, found
    known = ", ".join(f"`{' '.join(names)}`" for names in STEPS.values())
    raise UsageFault("E701", f"`{words[0][:40]}` is no step of a release", f"one of {known}")


def _rest(words: tuple[str, ...], step: str) -> list[str]:
    return list(words[2 if step == "compile" else 1 :])


def _invoke(inner: click.Context) -> int:
    try:
        inner.command.invoke(inner)
    except click.exceptions.Exit as end:
        return end.exit_code
    return EXIT_PASS


def _done(step: str, params: dict[str, Any]) -> Step:
    """What `policy compile`, `evaluate` or `attest` did, read from what it left."""
    from invarlock.attest.attest_run import BUNDLE_FILE, statement_of_run
    from invarlock.attest.steps import attest_step, compile_step, measure_step, run_files
    from invarlock.policy import load_policy

    if step == "compile":
        return compile_step(load_policy(Path(params["file"])))
    run: Path = params["out"] if step == "measure" else params["run"]
    report, _ = statement_of_run(run)
    files = run_files(run, report)
    if step == "measure":
        return measure_step(report, files)
    bundle = (params["out"] or run / BUNDLE_FILE).read_bytes()
    return attest_step(_statement(bundle), files, bundle)


def _verify(
    ctx: click.Context, command: click.Command, words: tuple[str, ...], links: Path
) -> tuple[int, Step | None]:
    """Verify, keep the answer, and say what was verified; the bundle must not change meanwhile."""
    from invarlock.attest.steps import RESULT, verify_step
    from invarlock.canonical import digest_bytes
    from invarlock.cli.verify import show
    from invarlock.verify.request import VerifyRequest
    from invarlock.verify.result import VerificationResult
    from invarlock.verify.signatures import read_bundle

    with command.make_context(command.name, _rest(words, "verify"), parent=ctx) as inner:
        asked = dict(inner.params)
        inner.params["style"] = "json"  # what is kept; what was asked for is printed below
        path = VerifyRequest(bundle=inner.params["bundle"]).bundle_file
        before = read_bundle(path)
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            code = _invoke(inner)
    result = VerificationResult.model_validate_json(said.getvalue())
    show(result, asked["style"], asked["bundle"], asked["summary"])
    if result.outcome != "pass" or result.bar is None or result.subject is None:
        return code, None
    if result.judged_by != "evidence":
        click.echo("the evidence was not at hand: pass --run, and no --accept-strictness", err=True)
        return code, None
    if digest_bytes(before) not in {signer.bundle_digest for signer in result.signers}:
        raise VerificationFault("E403", f"`{path}` changed while it was verified", "verify again")
    kept = said.getvalue().encode()
    (links / RESULT).write_bytes(kept)
    return code, verify_step(_statement(before), before, kept, result.subject, result.bar.digest)


def _statement(bundle: bytes) -> Any:
    from invarlock.attest.bundle import parse_bundle
    from invarlock.attest.statement import parse_statement

    return parse_statement(parse_bundle(bundle).payload)
