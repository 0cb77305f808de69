"""The words that gates compare come from observations, and from the worse of both arms."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from pydantic import ValidationError

from invarlock.canonical import canonical_bytes
from invarlock.security.manifest import (
    CONNECT_TRIALS,
    NAMESPACES,
    OPEN,
    READ_TRIALS,
    WRITE_TRIALS,
    ArmRuntime,
    InsideObservation,
    OutsideObservation,
    Refusals,
    Requested,
    RuntimeManifest,
    Tool,
    inside_breaches,
    outside_breaches,
    runtime_facts,
)

INSIDE = InsideObservation(
    user=65534,
    interfaces=("lo",),
    routes=0,
    connect=dict.fromkeys(CONNECT_TRIALS, "EPERM"),
    write=dict.fromkeys(WRITE_TRIALS, "EROFS"),
    read=dict.fromkeys(READ_TRIALS, "ENOENT"),
    nested_user_namespace="EPERM",
    capabilities="0",
    no_new_privileges=1,
    seccomp=2,
    limits={"core": "0"},
    environment=("PATH",),
)
OUTSIDE = OutsideObservation(
    separate=dict.fromkeys(NAMESPACES, True),
    interfaces=("lo",),
    routes=0,
    capabilities=dict.fromkeys(
        ("inheritable", "permitted", "effective", "bounding", "ambient"), "0"
    ),
    no_new_privileges=1,
    seccomp=2,
    root_read_only=True,
    writable=("/dev/shm", "/out", "/tmp"),
    writable_elsewhere=0,
)
CLOSED = {
    "isolation": "sandbox",
    "network": "off",
    "remote_code": "off",
    "pickle": "off",
    "plugins": "off",
}


def arm(
    inside: InsideObservation = INSIDE,
    outside: OutsideObservation = OUTSIDE,
    inputs: tuple[str, ...] = ("model/config.json",),
) -> ArmRuntime:
    return ArmRuntime(
        reused=False,
        bytes_binding="sealed",
        inputs=inputs,
        observed_inside=inside,
        observed_outside=outside,
        refused=Refusals(connections=0, permissions=0),
        tool=Tool(kernel="6.1", argv_digest="sha256:" + "0" * 64),
    )


def manifest(baseline: ArmRuntime, subject: ArmRuntime, **asked: str) -> RuntimeManifest:
    requested = Requested.model_validate({"execution_mode": "auto", **asked})
    return RuntimeManifest(
        requested=requested, arms={"baseline": (baseline,), "subject": (subject,)}
    )


def both_ways(odd: ArmRuntime) -> list[dict[str, str]]:
    """Facts with the odd arm on either side: the worse arm must win."""
    return [runtime_facts(manifest(odd, arm())), runtime_facts(manifest(arm(), odd))]


def test_two_closed_arms_are_a_sandbox_without_network() -> None:
    assert runtime_facts(manifest(arm(), arm())) == CLOSED
    assert inside_breaches(INSIDE) == outside_breaches(OUTSIDE) == ()


@pytest.mark.parametrize(
    ("change", "networked"),
    [
        ({"user": 0}, False),
        ({"interfaces": ("eth0", "lo")}, True),
        ({"routes": 1}, True),
        *[({"connect": {**INSIDE.connect, name: OPEN}}, True) for name in CONNECT_TRIALS],
        ({"connect": {"udp4": "EPERM", "udp6": "EPERM"}}, True),
        *[({"write": {**INSIDE.write, name: OPEN}}, False) for name in WRITE_TRIALS],
        ({"write": {}}, False),
        ({"read": {"/etc/passwd": OPEN}}, False),
        ({"read": {}}, False),
        ({"nested_user_namespace": OPEN}, False),
        ({"capabilities": "1"}, False),
        ({"no_new_privileges": 0}, False),
        ({"seccomp": 0}, False),
        ({"seccomp": 1}, False),
    ],
)
def test_anything_open_inside_makes_it_a_host(
    change: Mapping[str, object], networked: bool
) -> None:
    seen = INSIDE.model_copy(update=dict(change))
    assert inside_breaches(seen)
    for facts in both_ways(arm(inside=seen)):
        assert facts == {**CLOSED, "isolation": "host", "network": "on" if networked else "off"}


@pytest.mark.parametrize(
    ("change", "networked"),
    [
        *[({"separate": {**OUTSIDE.separate, k: False}}, k == "net") for k in NAMESPACES],
        ({"separate": {}}, True),
        ({"interfaces": ("eth0", "lo")}, True),
        ({"routes": 2}, True),
        *[
            ({"capabilities": {**OUTSIDE.capabilities, k: "200000"}}, False)
            for k in ("inheritable", "permitted", "effective", "ambient")
        ],
        ({"capabilities": {}}, False),
        ({"no_new_privileges": 0}, False),
        ({"seccomp": 0}, False),
        ({"root_read_only": False}, False),
        ({"writable": ("/out", "/usr")}, False),
        ({"writable_elsewhere": 1}, False),
    ],
)
def test_anything_open_outside_makes_it_a_host(
    change: Mapping[str, object], networked: bool
) -> None:
    seen = OUTSIDE.model_copy(update=dict(change))
    assert outside_breaches(seen)
    for facts in both_ways(arm(outside=seen)):
        assert facts == {**CLOSED, "isolation": "host", "network": "on" if networked else "off"}


@pytest.mark.parametrize(
    ("path", "word"),
    [("model/modeling.py", "remote_code"), ("model/pytorch_model.bin", "pickle")],
)
def test_an_input_that_carries_code_shows(path: str, word: str) -> None:
    for facts in both_ways(arm(inputs=("model/config.json", path))):
        assert facts == {**CLOSED, word: "on"}


@pytest.mark.parametrize("word", ["network", "remote_code", "pickle", "plugins"])
def test_what_was_asked_for_shows(word: str) -> None:
    assert runtime_facts(manifest(arm(), arm(), **{word: "on"})) == {**CLOSED, word: "on"}


def test_the_mode_asked_for_is_no_observation() -> None:
    opened = arm(outside=OUTSIDE.model_copy(update={"seccomp": 0}))
    assert runtime_facts(manifest(opened, opened, execution_mode="sandbox"))["isolation"] == "host"


def test_it_survives_its_own_file() -> None:
    whole = manifest(arm(), arm())
    written = canonical_bytes(whole.model_dump(mode="json"))
    assert RuntimeManifest.model_validate_json(written) == whole
    for broken in (
        written.replace(b'"routes":0', b'"routes":"0"', 1),
        written.replace(b'"reused"', b'"unknown"', 1),
        written.replace(b'"lo"', b'"\\u001b"', 1),
    ):
        with pytest.raises(ValidationError):
            RuntimeManifest.model_validate_json(broken)


def test_both_arms_must_be_there() -> None:
    with pytest.raises(ValidationError):
        RuntimeManifest(requested=Requested(execution_mode="auto"), arms={"subject": arm()})
