"""One evaluation from request to run folder: compile, open, measure both arms, judge, write."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import ExitStack

from invarlock.bom.validate import check_validator
from invarlock.errors import EnvironmentFault
from invarlock.evaluate.assemble import assemble, observed
from invarlock.evaluate.cache import BaselineCache
from invarlock.evaluate.executors import executor_of
from invarlock.evaluate.inputs import open_inputs
from invarlock.evaluate.looks import Reached, look_spans, measure_until_decided
from invarlock.evaluate.plan import check_budget, make_plan
from invarlock.evaluate.record import Record, Watch, write_run
from invarlock.evaluate.request import ChosenBar, Request, choose_bar
from invarlock.evaluate.run_folder import check_free, new_run_folder
from invarlock.evaluate.session import Session
from invarlock.judge import check_beacon, contract_of, demanded, schedule_of
from invarlock.judge.report import Names, Report
from invarlock.security.launch import Mode
from invarlock.security.select import choose_mode

Say = Callable[[str], None]


def run(request: Request, say: Say) -> Report:
    """Evaluate and write the run folder; ``say`` is told what is being done.

    Raises the errors of DESIGN section 9; the run folder then does not exist.
    """
    check_free(request.out)
    check_validator()
    _check_present(request)
    chosen = choose_bar(request)
    # All three raise before a byte of a model is read, should the bar leave the schedule open.
    contract_of(chosen.bar)
    schedule_of(chosen.bar, chosen.bar.digest)
    check_beacon(chosen.bar, request.beacon)
    mode = choose_mode(request.requested_mode)
    _check_device(request, mode)
    watch = Watch()
    with ExitStack() as stack:
        executor = stack.enter_context(executor_of(request))
        say("hashing models and data")
        with watch("hash"):
            inputs = open_inputs(
                *(request, mode, contract_of(chosen.bar)),
                lambda data: demanded(chosen.bar, data, request.beacon)[1],
                stack,
            )
        folder = stack.enter_context(new_run_folder(request.out))
        scratch = folder / ".boundary"
        scratch.mkdir(mode=0o700)
        cache = BaselineCache(request.cache_folder) if request.use_cache else None
        session = Session(inputs, executor, cache, scratch, say, watch)
        size = session.check()
        kept = session.has_kept(look_spans(inputs.schedule, inputs.contract))
        plan = make_plan(inputs, size, workers=executor.workers, kept=kept)
        for line in plan.lines():
            say(line)
        check_budget(plan, request.budget)
        reached = measure_until_decided(session, chosen.bar, say)
        say("judging")
        report = write_run(folder, _record(chosen, reached), watch)
        shutil.rmtree(scratch)
    return report


def _check_device(request: Request, mode: Mode) -> None:
    """Refuse a device that the boundary does not show. Raises :class:`EnvironmentFault` E608."""
    if mode == "sandbox" and request.device != "cpu":
        raise EnvironmentFault(
            "E608",
            f"the sandbox does not show `{request.device}`",
            "pass --device cpu, or --execution-mode host, which a bar may refuse",
        )


def _check_present(request: Request) -> None:
    """Name an absent path before anything is hashed."""
    for what, path in (
        ("baseline", request.baseline),
        ("subject", request.subject),
        ("data", request.data),
    ):
        if not path.exists():
            raise EnvironmentFault("E601", f"{what} `{path}` does not exist", "check the path")


def _record(chosen: ChosenBar, reached: Reached) -> Record:
    inputs, arms = reached.inputs, reached.arms
    request = inputs.request
    return Record(
        chosen=chosen,
        parts=assemble(inputs, *arms),
        manifest=observed(inputs, *arms),
        baseline=inputs.baseline.files,
        subject=inputs.subject.files,
        names=Names(
            baseline=str(request.baseline),
            subject=str(request.subject),
            data=str(request.data),
            policy=request.policy,
        ),
        packages=arms[1].answer.packages,
        bom_version=request.bom_version,
        kernels=arms[1].answer.kernels,
        threads=arms[1].answer.threads,
    )
