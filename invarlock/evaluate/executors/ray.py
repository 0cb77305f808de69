"""Workers of a Ray cluster on this machine, each of which launches boundaries of its own.

A worker opens and hashes models and data anew, from the same paths, and works only if their
digests are the driver's: so the bytes that it hands to its boundaries are the bytes that were
hashed. Pieces go out with what earlier boundaries left for them, and files come back as bytes,
through Ray's object store. A piece whose worker, or whose boundary, was killed is given to another.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from invarlock.errors import EnvironmentFault, InternalFault, InvarlockError
from invarlock.evaluate.executors.protocol import Say
from invarlock.evaluate.executors.worker import Failed, Finished, Parcel, Task, Worker
from invarlock.evaluate.inputs import Inputs, Measured
from invarlock.evaluate.piece import Piece
from invarlock.evaluate.run_folder import write_file
from invarlock.security.guard import temporarily_allow_network
from invarlock.security.paths import secure_tempdir

ATTEMPTS: Final = 3
"""Times that a piece is tried before the run gives up."""
_HINT: Final = "pip install 'invarlock[advanced]'"
_MAY_PASS: Final = frozenset({"E304", "E604"})
"""Errors of a boundary that another try may not meet: it was killed, or not done in time."""


@contextmanager
def ray_cluster(workers: int, *, attempts: int = ATTEMPTS) -> Iterator[RayWorkers]:
    """A cluster of this process's own, taken down on exit.

    Raises :class:`EnvironmentFault` E605 without Ray, E607 when it cannot be started.
    """
    try:
        import ray
    except ImportError as err:
        raise EnvironmentFault("E605", "`ray` is not installed", _HINT) from err
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    with ExitStack() as stack:
        folder = stack.enter_context(secure_tempdir("ivr-"))  # short: sockets lie in it
        # Its parts talk over this machine's loopback.
        stack.enter_context(temporarily_allow_network())
        try:
            ray.init(
                address="local",
                num_cpus=workers,
                num_gpus=0,
                include_dashboard=False,
                log_to_driver=False,
                configure_logging=False,
                _temp_dir=str(folder),
            )
        except (ConnectionError, OSError, RuntimeError, TimeoutError, ValueError) as err:
            reason = " ".join(str(err).split())[:200]
            raise EnvironmentFault("E607", f"ray did not start: `{reason}`", "run again") from err
        stack.callback(ray.shutdown)
        yield RayWorkers(workers, attempts)


@dataclass(slots=True)
class RayWorkers:
    """The executor of a running cluster."""

    workers: int
    attempts: int
    _pool: dict[int, Any] = field(default_factory=dict, init=False)

    def run(
        self, inputs: Inputs, pieces: Sequence[Piece], scratch: Path, say: Say
    ) -> list[Measured]:
        """Give piece after piece to the workers, and again where one died.

        Raises what a boundary reported; :class:`EnvironmentFault` E607 when a piece could not be
        finished in :data:`ATTEMPTS` tries.
        """
        import ray

        tasks = [_task(piece) for piece in pieces]
        done: dict[int, Finished] = {}
        lost: InvarlockError | None = None
        for attempt in range(self.attempts):
            if attempt:
                say(f"a worker was lost; {len(tasks) - len(done)} of {len(tasks)} parts again")
            started = {
                at: self._worker(inputs, at).run.remote(ray.put(task))
                for at, task in enumerate(tasks)
                if at not in done
            }
            for at, reference in started.items():
                outcome = self._outcome(at, reference)
                if isinstance(outcome, Finished):
                    done[at] = outcome
                    say(f"{pieces[at].arm}: {len(done)} of {len(tasks)} parts done")
                else:
                    lost = outcome
            if len(done) == len(tasks):
                return [_laid_out(done[at], scratch / f"part-{at}") for at in range(len(tasks))]
        raise EnvironmentFault(
            "E607",
            f"{len(tasks) - len(done)} of {len(tasks)} parts were not finished "
            f"in {self.attempts} tries: {lost.message if lost else 'no worker answered'}",
            "see that the machine has memory to spare, or use --executor local",
        )

    def _outcome(self, at: int, reference: Any) -> Finished | InvarlockError:
        """What came of a piece; errors that would come again are raised."""
        from ray import get
        from ray.exceptions import RayError, RayTaskError

        try:
            outcome: object = get(reference)
        except RayTaskError as err:
            reason = " ".join(str(err.cause).split())[:300]
            raise InternalFault("E901", f"a worker failed: `{reason}`") from err
        except RayError as err:
            self._pool.pop(at % self.workers, None)
            return EnvironmentFault("E607", f"its worker died (`{type(err).__name__}`)")
        if isinstance(outcome, Failed):
            if outcome.error.code not in _MAY_PASS:
                raise outcome.error
            return outcome.error
        if not isinstance(outcome, Finished):
            raise InternalFault("E901", "a worker gave no answer")
        return outcome

    def _worker(self, inputs: Inputs, at: int) -> Any:
        import ray

        slot = at % self.workers
        if slot not in self._pool:
            remote: Any = ray.remote(Worker)
            self._pool[slot] = remote.remote(_parcel(inputs))
        return self._pool[slot]


def _parcel(inputs: Inputs) -> Parcel:
    request = inputs.request
    return Parcel(
        request=replace(request, memory_budget=request.budget, threads=request.threads_each),
        mode=inputs.mode,
        contract=inputs.contract,
        schedule=inputs.schedule,
        baseline=inputs.baseline.root_digest,
        subject=inputs.subject.root_digest,
        data=inputs.data.digest,
    )


def _task(piece: Piece) -> Task:
    given: Mapping[str, bytes] = {
        name: data if isinstance(data, bytes) else data.read_bytes()
        for name, data in piece.given.items()
    }
    return Task(replace(piece, given=given))


def _laid_out(finished: Finished, folder: Path) -> Measured:
    folder.mkdir(mode=0o700)
    for name, data in finished.files.items():
        write_file(folder / name, data)
    files = {name: folder / name for name in finished.files}
    return replace(finished.measured, files=files)
