"""Launching work inside a boundary, and keeping it there.

The parent prepares descriptors, starts the child, waits for what it observed, looks at it from
outside, and only then gives it leave to open model bytes. In ``sandbox`` mode anything observed
that a closed boundary would not show ends the launch without a result; ``host`` mode is recorded
as what it is.
"""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from invarlock.errors import EnvironmentFault, InvarlockError, SafetyRefusal
from invarlock.security.channels import LEAVE, Channels, inside_of, refusals_of, status_number
from invarlock.security.manifest import (
    ArmRuntime,
    InsideObservation,
    OutsideObservation,
    Refusals,
    Tool,
    inside_breaches,
    outside_breaches,
)
from invarlock.security.outside import observe_outside
from invarlock.security.plan import LaunchRequest, Mode, Plan, prepare
from invarlock.security.process import Child, Overdue, sanitise, started

__all__ = ["Boundary", "LaunchRequest", "LaunchResult", "Mode", "execute", "launch"]

_KILLED: Final = frozenset({-signal.SIGKILL, 128 + signal.SIGKILL})
_TAIL: Final = 4 << 10


@dataclass(frozen=True, slots=True)
class LaunchResult:
    """How it ended. ``returncode`` is the child's own; ``stderr_tail`` at most 4 KiB, sanitised."""

    returncode: int
    stderr_tail: str
    inside: InsideObservation
    outside: OutsideObservation
    refused: Refusals
    tool: Tool
    duration_s: float

    def arm(
        self,
        *,
        inputs: tuple[str, ...],
        bytes_binding: Literal["sealed", "verified-twice"],
        reused: bool = False,
    ) -> ArmRuntime:
        """This launch as an arm of the runtime manifest."""
        return ArmRuntime(
            reused=reused,
            bytes_binding=bytes_binding,
            inputs=tuple(sorted(inputs)),
            observed_inside=self.inside,
            observed_outside=self.outside,
            refused=self.refused,
            tool=self.tool,
        )


class Boundary(Protocol):
    """Anything that can run a request: :func:`launch`, or another executor."""

    def __call__(self, request: LaunchRequest) -> LaunchResult:
        """Run it to its end."""


def launch(request: LaunchRequest) -> LaunchResult:
    """Run the request to its end.

    A child that ends with a code other than zero is a result, not an error. Ctrl-C kills the child
    and propagates.

    Raises:
        SafetyRefusal: E301 no usable bubblewrap; E302 the boundary could not be set up or an
            observation speaks against it.
        EnvironmentFault: E304 out of time; E603 no room for the private folder; E604 killed;
            E605 no seccomp library.
    """
    with prepare(request) as plan:
        return execute(plan, request)


def execute(plan: Plan, request: LaunchRequest) -> LaunchResult:
    """Run a prepared launch. Raises like :func:`launch`."""
    begun = time.monotonic()
    channels = plan.channels
    try:
        with started(
            plan.argv,
            pass_fds=plan.pass_fds,
            on_start=channels.close_child_ends,
            output_fd=channels.output_w,
            environment=plan.environment,
            pipes=channels.pipes,
            timeout_s=request.timeout_s,
            cwd=plan.cwd,
        ) as child:
            inside, outside = _observe(child, channels, request.mode)
            os.write(channels.leave_w, LEAVE)
            code = child.finish()
    except Overdue:
        raise EnvironmentFault(
            "E304",
            f"the boundary ran longer than {request.timeout_s:g} seconds",
            "use fewer windows",
        ) from None
    return LaunchResult(
        returncode=_exit_code(code, channels, request.mode),
        stderr_tail=_tail(channels),
        inside=inside,
        outside=outside,
        refused=refusals_of(bytes(channels.report.data)),
        tool=plan.tool,
        duration_s=time.monotonic() - begun,
    )


def _observe(
    child: Child, channels: Channels, mode: Mode
) -> tuple[InsideObservation, OutsideObservation]:
    if not child.wait_for(channels.has_report):
        raise _not_set_up(channels, mode)
    pid: int | None = child.process.pid
    if mode == "sandbox":
        pid = status_number(bytes(channels.status.data), "child-pid")
    if pid is None:
        raise SafetyRefusal("E302", "bubblewrap did not say which process it started")
    child.inner_pid = pid
    inside, outside = inside_of(bytes(channels.report.data)), observe_outside(pid)
    if mode == "sandbox":
        _refuse_breaches((*outside_breaches(outside), *inside_breaches(inside)))
    return inside, outside


def _refuse_breaches(found: tuple[str, ...]) -> None:
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise SafetyRefusal(
            "E302", f"the sandbox is not closed: {found[0]}{more}", "mend it, or report it"
        )


def _not_set_up(channels: Channels, mode: Mode) -> InvarlockError:
    said = _tail(channels).strip().rsplit("\n", maxsplit=1)[-1][:200] or "it said nothing"
    if mode == "sandbox":
        return SafetyRefusal(
            "E302", f"the sandbox could not be set up: `{said}`", "see the manual on sandboxes"
        )
    return EnvironmentFault("E604", f"the child ended before its work: `{said}`")


def _exit_code(code: int, channels: Channels, mode: Mode) -> int:
    """The child's own code. Bubblewrap passes a signal on as 128 + its number."""
    inner = status_number(bytes(channels.status.data), "exit-code") if mode == "sandbox" else code
    if inner is None or inner in _KILLED:
        raise EnvironmentFault(
            "E604", "the boundary was killed, most often for want of memory", "free memory"
        )
    return inner


def _tail(channels: Channels) -> str:
    return sanitise(bytes(channels.output.data))[-_TAIL:]
