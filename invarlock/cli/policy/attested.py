"""The bar of an attestation: out of the run's report, held against the bundle.

Nothing is verified here, a signature least of all; a bundle that does not fit its run is refused
all the same, since there is no telling which of the two was meant.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from invarlock.attest.bundle import parse_bundle
from invarlock.attest.parse import parse_model
from invarlock.attest.predicate import REPORT_FILE
from invarlock.attest.statement import parse_statement
from invarlock.canonical import digest_bytes
from invarlock.errors import InvarlockError, UsageFault, VerificationFault
from invarlock.judge.records import MAX_REPORT_BYTES, Report
from invarlock.judge.sources import INCLUDE_FOLDER, SOURCE_FILE, compile_again
from invarlock.policy import Compiled
from invarlock.policy.compare.document import in_form
from invarlock.policy.compare.form import bar_faults, name_faults
from invarlock.policy.decode import MAX_BYTES
from invarlock.policy.diagnostics import printable
from invarlock.policy.ir import BarIR
from invarlock.verify.run_folder import open_run


@dataclass(frozen=True, slots=True)
class AttestedBar:
    """The bar that a run was judged under; the policy if the run still holds its sources."""

    name: str
    bar: BarIR
    policy: Compiled | None


def attested_bar(folder: Path, bundle: bytes | None) -> AttestedBar:
    """The bar of the run in ``folder``, which ``bundle`` attests if it is given.

    Raises :class:`UsageFault` E134 where the folder holds no run, or one with a bar that no
    compiler wrote, :class:`VerificationFault` for
    a malformed report or bundle, and E403 where report, bar and bundle do not fit each other.
    """
    report, digest = _report(folder)
    if report.resolved_policy.digest != report.policy.bar_digest:
        raise _unfit("the report's bar does not have the digest that the report names")
    faults = chain(name_faults(report.policy.bar), bar_faults(report.resolved_policy))
    in_form(faults, printable(str(folder / REPORT_FILE)))
    if bundle is not None:
        predicate = parse_statement(parse_bundle(bundle).payload).predicate
        if predicate.report.digest != digest:
            raise _unfit(f"the bundle attests another report than `{REPORT_FILE}` beside it")
    return AttestedBar(report.policy.bar, report.resolved_policy, _policy(folder, report))


def _report(folder: Path) -> tuple[Report, str]:
    name = printable(str(folder))
    if not (folder / REPORT_FILE).is_file():
        hint = "name a policy, an IR that `policy compile` wrote, or a run's folder"
        raise UsageFault("E134", f"cannot compare: `{name}` holds no `{REPORT_FILE}`", hint)
    with open_run(folder) as opened:
        data = opened.read(REPORT_FILE, MAX_REPORT_BYTES)
    report = parse_model(Report, data, what=f"`{REPORT_FILE}`", max_bytes=MAX_REPORT_BYTES)
    return report, digest_bytes(data)


def _policy(folder: Path, report: Report) -> Compiled | None:
    """The policy compiled again, if the run holds the sources that the report names, and they give
    its bar.

    They are a help: without them the bar is compared without its lines.
    """
    sources: dict[str, bytes] = {}
    try:
        with open_run(folder) as opened:
            for file in report.files:
                if file.path == SOURCE_FILE or file.path.startswith(INCLUDE_FOLDER):
                    data = opened.read(file.path, MAX_BYTES)
                    if digest_bytes(data) == file.digest:
                        sources[file.path] = data
        if SOURCE_FILE not in sources:
            return None
        compiled = compile_again(sources)
    except InvarlockError:
        return None
    bar = compiled.ir.bars.get(report.policy.bar)
    return compiled if bar == report.resolved_policy else None


def _unfit(why: str) -> VerificationFault:
    return VerificationFault("E403", why, "name the run that the bundle was made of")
