"""Every example says what ran, parses as the command line does, and fits its schema."""

from __future__ import annotations

from pathlib import Path

import click
import kubernetes_validate
import pytest
from check_jsonschema import builtin_schemas as builtin
from jsonschema import Draft7Validator

from tests.attest.examples.reading import (
    EXAMPLES,
    FILES,
    INDEX,
    PODS,
    TEXTS,
    YAML,
    commands,
    header,
    name_of,
    objects,
    parse,
    pods,
    unpinned,
)

KUBERNETES = "1.33.0"
BUILT_IN = {"Deployment", "Service", "NetworkPolicy"}
WITH_COMMANDS = [path for path in (*YAML, *TEXTS) if commands(path)]
SCHEMAS = [
    ("github/release.yml", "vendor.github-workflows"),
    ("github/consume.yml", "vendor.github-workflows"),
    ("gitlab/gitlab-ci.yml", "vendor.gitlab-ci"),
]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_header_says_what_was_run_and_what_not(path: Path) -> None:
    said = header(path.read_text())
    assert set(said) == {"What", "run", "not run"}
    assert all(said.values())


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_what_is_left_to_fill_in_is_said(path: Path) -> None:
    text = path.read_text()
    body = [line for line in text.splitlines() if not line.startswith(("#", "//"))]
    assert ("FILL_IN" in "".join(body)) == ("FILL_IN" in " ".join(header(text).values()))


def test_only_the_job_that_signs_has_an_identity() -> None:
    for name in ("release.yml", "consume.yml"):
        (document,) = objects(EXAMPLES / "github" / name)
        assert document["permissions"] == {}
        may_sign = {
            job for job, what in document["jobs"].items() if "id-token" in what["permissions"]
        }
        assert may_sign == ({"attest"} if name == "release.yml" else set())
    (document,) = objects(EXAMPLES / "gitlab" / "gitlab-ci.yml")
    assert {job for job, what in document.items() if "id_tokens" in what} == {"attest"}


def test_a_header_without_its_parts_is_seen() -> None:
    assert header("# What: x\n# run: y\n\n# not run: too late\n") == {"What": "x", "run": "y"}


@pytest.mark.parametrize("path", YAML, ids=name_of)
def test_actions_are_pinned_by_commit_and_images_by_digest(path: Path) -> None:
    text = path.read_text()
    assert unpinned(text) == []
    for line in text.splitlines():
        if line.strip().startswith("image: ") and "registry.example" in line:
            assert "@sha256:" in line


def test_an_action_that_is_not_pinned_is_seen() -> None:
    commit = "3d3c42e5aac5ba805825da76410c181273ba90b1"
    good = f"      - uses: actions/checkout@{commit} # v7.0.1\n"
    bad = ["actions/checkout@v7", f"actions/checkout@{commit}", "./local", "actions/checkout@main"]
    assert unpinned(good) == []
    assert [unpinned(f"      - uses: {one}\n") for one in bad] == [[one] for one in bad]


@pytest.mark.parametrize("path", WITH_COMMANDS, ids=name_of)
def test_every_command_line_is_one_of_ours(path: Path) -> None:
    for words in commands(path):
        parse(words)


def test_an_option_that_does_not_exist_is_seen() -> None:
    with pytest.raises(click.UsageError):
        parse(["verify", "run", "--trust-everything"])
    with pytest.raises(click.UsageError):
        parse(["advanced", "link", "--key", "k", "verify", "run", "--trust-everything"])


def test_the_examples_that_run_invarlock_are_all_read() -> None:
    found = {name_of(path) for path in WITH_COMMANDS}
    assert {
        "examples/github/release.yml",
        "examples/github/consume.yml",
        "examples/gitlab/gitlab-ci.yml",
        "examples/cosign/attach.sh",
        "examples/serving/vllm.yaml",
        "examples/serving/kserve.yaml",
        "examples/registry/push.sh",
        "examples/registry/pull.sh",
        "layout/README.md",
    } <= found


@pytest.mark.parametrize(("name", "schema"), SCHEMAS)
def test_pipelines_fit_their_schema(name: str, schema: str) -> None:
    check = Draft7Validator(builtin.get_builtin_schema(schema))
    (document,) = objects(EXAMPLES / name)
    # YAML 1.1 reads the key `on` as true
    found = {"on" if key is True else key: value for key, value in document.items()}
    assert not list(check.iter_errors(found))
    job = next(key for key in ("jobs", "measure") if key in found)
    assert list(check.iter_errors({**found, job: {"measure": {"script": {}}}}))


@pytest.mark.parametrize("path", YAML, ids=name_of)
def test_kubernetes_objects_fit_their_schema(path: Path) -> None:
    for document in objects(path):
        if document.get("kind") in BUILT_IN:
            kubernetes_validate.validate(document, KUBERNETES, strict=True)


@pytest.mark.parametrize("pod", PODS)
def test_pods_fit_the_schema(pod: dict[str, object]) -> None:
    document = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": pod}
    kubernetes_validate.validate(document, KUBERNETES, strict=True)
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**document, "spec": {**pod, "rootless": True}}, KUBERNETES,
                                     strict=True)  # fmt: skip


@pytest.mark.parametrize("pod", PODS)
def test_pods_have_the_least_privilege(pod: dict[str, dict[str, object]]) -> None:
    assert pod["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC", "serviceAccountName"} & set(pod)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in (*pod["initContainers"], *pod["containers"]):
        closed = container["securityContext"]
        assert closed["capabilities"] == {"drop": ["ALL"]}
        assert closed["readOnlyRootFilesystem"] is True
        assert closed["allowPrivilegeEscalation"] is False
        for mount in container["volumeMounts"]:
            assert mount["name"] in {"tmp", "shm"} or mount["readOnly"] is True
    verifier = pod["initContainers"][0]
    assert verifier["command"][:2] == ["invarlock", "verify"]
    assert all(mount["readOnly"] for mount in verifier["volumeMounts"])


def test_both_serving_examples_have_one_verifier() -> None:
    (_, one), (_, other) = pods()
    assert one["initContainers"] == other["initContainers"]


def test_nothing_leaves_the_served_model() -> None:
    (policy,) = objects(EXAMPLES / "serving" / "network-policy.yaml")
    assert policy["spec"]["egress"] == []
    assert set(policy["spec"]["policyTypes"]) == {"Ingress", "Egress"}


def test_index_names_every_example() -> None:
    index = INDEX.read_text()
    for path in FILES:
        assert f"({path.relative_to(EXAMPLES).as_posix()})" in index
