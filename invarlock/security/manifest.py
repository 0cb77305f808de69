"""The runtime manifest: what was asked for, what was observed inside and outside, what it means.

Three things are kept apart. ``requested`` is the caller's wish; ``observed_inside`` is what the
boundary's own process found when it tried, before any model byte was opened; ``observed_outside``
is what the kernel told the parent about that process, which nothing inside can alter. The words
that gates compare come from the observations alone, and from the worst of all boundaries. A
manifest is the host's own word: a verifier can ask that a runner it trusts signed it, no more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Short = Annotated[str, StringConstraints(max_length=128, pattern=r"^[ -~]*$")]
Hex = Annotated[str, StringConstraints(pattern=r"^(0|[1-9a-f][0-9a-f]{0,15})$")]
Trial = Annotated[
    str,
    StringConstraints(pattern=r"^(open|E[A-Z0-9]{2,20}|[A-Z][A-Za-z]{0,40}|exit -?[0-9]{1,3})$"),
]
"""How a trial went: :data:`OPEN`, the name of the error that denied it, or what else came of it."""
Switch = Literal["off", "on"]

OPEN: Final = "open"
"""What a trial says when the denied thing worked; otherwise the name of the error, e.g. EPERM."""

CONNECT_TRIALS: Final = ("loopback", "udp4", "udp6")
WRITE_TRIALS: Final = ("/", "/usr", "inputs", "interpreter", "kernel")
READ_TRIALS: Final = ("/etc/passwd",)
CAPABILITY_SETS: Final = ("inheritable", "permitted", "effective", "bounding", "ambient")
NAMESPACES: Final = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")
WRITABLE_MOUNTS: Final = frozenset({"/out", "/tmp", "/dev/shm", "/dev/pts"})  # noqa: S108 - mount points inside the sandbox
"""Where the sandbox may write."""
DEVICES: Final = frozenset(
    {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"}
)

MAX_BOUNDARIES: Final = 4096
"""Boundaries that one arm may be measured in."""

_DENIED: Final = re.compile(r"E[A-Z0-9]{2,20}")
_NO_CAPABILITIES: Final = 0
_FILTERED: Final = 2


def _only(names: tuple[str, ...]) -> AfterValidator:
    """No other keys than these: what nothing reads has no place in a manifest."""

    def check(found: dict[str, str]) -> dict[str, str]:
        strange = sorted(found.keys() - set(names))
        if strange:
            raise ValueError(f"unknown keys {strange}")
        return found

    return AfterValidator(check)


class Frozen(BaseModel):
    """Immutable and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


class InsideObservation(Frozen):
    """What the boundary's process found by trying.

    ``connect``, ``write`` and ``read`` map trials to :data:`OPEN` or an error's name; ``limits``
    are soft resource limits in their own units, ``environment`` the names (never the values) of
    its variables, ``capabilities`` its effective set in hexadecimal.
    """

    user: int
    interfaces: tuple[Short, ...]
    routes: int = Field(ge=0)
    connect: Annotated[dict[str, Trial], _only(CONNECT_TRIALS)]
    write: Annotated[dict[str, Trial], _only(WRITE_TRIALS)]
    read: Annotated[dict[str, Trial], _only(READ_TRIALS)]
    nested_user_namespace: Trial
    capabilities: Hex
    no_new_privileges: int
    seccomp: int
    limits: dict[str, Short]
    environment: tuple[Short, ...] = Field(max_length=64)


class OutsideObservation(Frozen):
    """What ``/proc/PID`` said to the parent.

    ``separate`` tells for each kind of namespace whether the child's differs from the parent's;
    ``writable`` lists known mount points mounted read-write, ``writable_elsewhere`` counts others.
    ``capabilities`` maps inheritable, permitted, effective, bounding and ambient to hexadecimal.
    """

    separate: Annotated[dict[str, bool], _only(NAMESPACES)]
    interfaces: tuple[Short, ...]
    routes: int = Field(ge=0)
    capabilities: Annotated[dict[str, Hex], _only(CAPABILITY_SETS)]
    no_new_privileges: int
    seccomp: int
    root_read_only: bool
    writable: tuple[Short, ...]
    writable_elsewhere: int = Field(ge=0)


class Requested(Frozen):
    """What the caller asked for."""

    execution_mode: Literal["auto", "sandbox", "host"]
    network: Switch = "off"
    remote_code: Switch = "off"
    pickle: Switch = "off"
    plugins: Switch = "off"


class Refusals(Frozen):
    """What the tripwires inside counted, by the child's word; ``None`` when it never said."""

    connections: int | None = Field(default=None, ge=0)
    permissions: int | None = Field(default=None, ge=0)


class Tool(Frozen):
    """What made the boundary. ``argv_digest`` is of the argument vector's canonical JSON; the
    sandbox's own fields are ``None`` in host mode."""

    kernel: Short
    bwrap_version: Short | None = None
    bwrap_sha256: Digest | None = None
    argv_digest: Digest
    seccomp_sha256: Digest | None = None


class ArmRuntime(Frozen):
    """A boundary of an arm. ``reused`` says that its results came from the cache and the
    observations are those of the run that made them; ``inputs`` are the files it was given."""

    reused: bool
    bytes_binding: Literal["sealed", "verified-twice"]
    inputs: tuple[Short, ...]
    observed_inside: InsideObservation
    observed_outside: OutsideObservation
    refused: Refusals
    tool: Tool


class RuntimeManifest(Frozen):
    """The file ``runtime.manifest.json`` of a run. An arm has as many boundaries as it was
    measured in parts; the baseline's first one drew the windows. ``work`` says what was done
    inside: models measured, or logs of other programs read."""

    version: Literal["invarlock.runtime/1"] = "invarlock.runtime/1"
    work: Literal["measure", "import"] = "measure"
    requested: Requested
    arms: dict[
        Literal["baseline", "subject"],
        Annotated[tuple[ArmRuntime, ...], Field(min_length=1, max_length=MAX_BOUNDARIES)],
    ] = Field(min_length=2)


def inside_breaches(seen: InsideObservation) -> tuple[str, ...]:
    """Every observation that a closed sandbox would not have given, network ones first."""
    found = [*_inside_network(seen)]
    found += _open_trials("writing", WRITE_TRIALS, seen.write)
    found += _open_trials("reading", READ_TRIALS, seen.read)
    if seen.user == 0:
        found.append("the child runs as user 0")
    found += _open_trials("a nested", ("user namespace",), _nested(seen))
    found += _privileges(
        {"effective": seen.capabilities}, seen.no_new_privileges, seen.seccomp, "inside"
    )
    return tuple(found)


def outside_breaches(seen: OutsideObservation) -> tuple[str, ...]:
    """The same for what the kernel told the parent."""
    found = [*_outside_network(seen)]
    found += [
        f"the {kind} namespace is the host's"
        for kind in NAMESPACES
        if kind != "net" and not seen.separate.get(kind, False)
    ]
    found += _privileges(
        {k: v for k, v in seen.capabilities.items() if k != "bounding"},
        seen.no_new_privileges,
        seen.seccomp,
        "outside",
    )
    if not seen.root_read_only:
        found.append("`/` is mounted read-write")
    found += [f"`{m}` is mounted read-write" for m in seen.writable if m not in WRITABLE_MOUNTS]
    if seen.writable_elsewhere:
        found.append(f"{seen.writable_elsewhere} other mounts are read-write")
    return tuple(found)


def runtime_facts(manifest: RuntimeManifest) -> dict[str, str | None]:
    """The words that gates compare: isolation, network, remote_code, pickle, plugins.

    Each is the worst of all boundaries of both arms. Isolation is `sandbox` only if nothing
    observed inside or outside speaks against it; network is `off` only if both views agree; code
    and pickles are `off` only if not asked for and no input carries them. Of an import all are
    ``None``: the boundary held the reader of a log, and nobody here saw what the models ran in.
    """
    if manifest.work == "import":
        return dict.fromkeys(("isolation", "network", "remote_code", "pickle", "plugins"))
    arms = tuple(arm for arms in manifest.arms.values() for arm in arms)
    breached = any(
        inside_breaches(arm.observed_inside) or outside_breaches(arm.observed_outside)
        for arm in arms
    )
    networked = any(
        _inside_network(arm.observed_inside) or _outside_network(arm.observed_outside)
        for arm in arms
    )
    asked = manifest.requested
    inputs = tuple(path for arm in arms for path in arm.inputs)
    return {
        "isolation": "host" if breached else "sandbox",
        "network": "on" if networked or asked.network == "on" else "off",
        "remote_code": _switch(asked.remote_code, inputs, (".py", ".so", ".pyc")),
        "pickle": _switch(asked.pickle, inputs, (".bin", ".pt", ".pth", ".pkl", ".ckpt")),
        "plugins": asked.plugins,
    }


def _switch(asked: Switch, inputs: Iterable[str], suffixes: tuple[str, ...]) -> str:
    return "on" if asked == "on" or any(path.endswith(suffixes) for path in inputs) else "off"


def _inside_network(seen: InsideObservation) -> list[str]:
    found = _open_trials("connecting to", CONNECT_TRIALS, seen.connect)
    return found + _links(seen.interfaces, seen.routes, "inside")


def _outside_network(seen: OutsideObservation) -> list[str]:
    found = _links(seen.interfaces, seen.routes, "outside")
    if not seen.separate.get("net", False):
        found.append("the net namespace is the host's")
    return found


def _links(interfaces: tuple[str, ...], routes: int, side: str) -> list[str]:
    found = [f"interface `{name}` seen from {side}" for name in interfaces if name != "lo"]
    if routes:
        found.append(f"{routes} routes seen from {side}")
    return found


def _open_trials(deed: str, names: tuple[str, ...], results: Mapping[str, str]) -> list[str]:
    found = [f"{deed} {name} was never tried" for name in names if name not in results]
    return found + [
        f"{deed} {name} " + ("worked" if result == OPEN else f"was not denied: {result}")
        for name, result in sorted(results.items())
        if _DENIED.fullmatch(result) is None
    ]


def _nested(seen: InsideObservation) -> dict[str, str]:
    return {"user namespace": seen.nested_user_namespace}


def _privileges(capabilities: Mapping[str, str], no_new: int, seccomp: int, side: str) -> list[str]:
    found = [
        f"{kind} capabilities are {held} seen from {side}"
        for kind, held in sorted(capabilities.items())
        if int(held, 16) != _NO_CAPABILITIES
    ]
    if not capabilities:
        found.append(f"capabilities could not be seen from {side}")
    if no_new != 1:
        found.append(f"new privileges can be gained, seen from {side}")
    if seccomp != _FILTERED:
        found.append(f"no system-call filter seen from {side}")
    return found
