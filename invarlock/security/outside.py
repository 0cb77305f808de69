"""Observing a boundary from outside: what the kernel says about the waiting child."""

from __future__ import annotations

from invarlock.errors import SafetyRefusal
from invarlock.security.manifest import DEVICES, NAMESPACES, WRITABLE_MOUNTS, OutsideObservation
from invarlock.security.proc import (
    Mount,
    count_routes,
    namespace,
    parse_interfaces,
    parse_mounts,
    parse_status,
    read_proc,
)


def observe_outside(pid: int) -> OutsideObservation:
    """Look at the process ``pid`` (as this process's ``/proc`` numbers it).

    Nothing that runs inside can alter what is read here. Raises SafetyRefusal E302 when the
    kernel does not show it: what cannot be seen cannot be vouched for.
    """
    try:
        status = parse_status(read_proc(pid, "status"))
        shown = {mount.point: mount for mount in parse_mounts(read_proc(pid, "mountinfo"))}
        writable = [mount for mount in shown.values() if not mount.read_only]
        return OutsideObservation(
            separate={kind: namespace(pid, kind) != namespace("self", kind) for kind in NAMESPACES},
            interfaces=parse_interfaces(read_proc(pid, "net/dev")),
            routes=count_routes(read_proc(pid, "net/route")),
            capabilities=status.capabilities,
            no_new_privileges=status.no_new_privileges,
            seccomp=status.seccomp,
            root_read_only="/" in shown and shown["/"].read_only,
            writable=_known(writable),
            writable_elsewhere=sum(1 for mount in writable if not _is_known(mount)),
        )
    except OSError as err:
        raise SafetyRefusal(
            "E302", f"the boundary cannot be observed: {err.strerror}", "check access to /proc"
        ) from err


def _is_known(mount: Mount) -> bool:
    # Other mount points are paths of this machine, which a manifest does not repeat.
    return mount.point in WRITABLE_MOUNTS | DEVICES | {"/"}


def _known(writable: list[Mount]) -> tuple[str, ...]:
    return tuple(
        sorted(m.point for m in writable if _is_known(m) and m.point not in DEVICES | {"/"})
    )
