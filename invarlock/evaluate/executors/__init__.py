"""Where the boundaries of an evaluation are launched: by this process, or by workers."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from invarlock.evaluate.executors.local import Local
from invarlock.evaluate.executors.protocol import Executor
from invarlock.evaluate.request import Request

__all__ = ["Executor", "Local", "executor_of"]


def executor_of(request: Request) -> AbstractContextManager[Executor]:
    """The executor that was asked for, running until the block ends.

    Raises :class:`EnvironmentFault` E605 without Ray where it is asked for, E607 when its workers
    cannot be started.
    """
    if request.executor == "local":
        return nullcontext(Local())
    from invarlock.evaluate.executors.ray import ray_cluster

    return ray_cluster(request.workers)
