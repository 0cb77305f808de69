"""The run's bar against a reference: reported always, decisive only where that is required."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from invarlock.canonical import canonical_bytes
from invarlock.cli import main
from invarlock.errors import UsageFault
from invarlock.verify.result import Level, VerificationResult
from tests.policy.compare.sarif_schema import results_of
from tests.verify.runs import (
    BAR,
    POLICY,
    Scene,
    case,
    documents,
    make_scene,
    report_of,
    signed,
)

RATIO = b"require perplexity.ratio            <= 1.10"
CHANGED = {
    "equal": POLICY.replace(b"<= 1.10", b"<= 110%"),
    "stricter": POLICY.replace(RATIO, b"require perplexity.ratio <= 1.30"),
    "weaker": POLICY.replace(RATIO, b"require perplexity.ratio <= 1.02"),
    "mixed": POLICY.replace(RATIO, b"require perplexity.ratio <= 1.02").replace(
        b"<= 0.20 nats", b"<= 0.30 nats"
    ),
    "incomparable": POLICY.replace(b"length = 9 tokens", b"length = 10 tokens"),
}
"""Reference policies by what the run's bar is beside them."""


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    scene = make_scene(tmp_path_factory.mktemp("drift"))
    files = documents(case())
    report = report_of(files).encode()
    scene.publish(files, report, signed(report))
    for name, text in CHANGED.items():
        (scene.root / f"{name}.invar").write_bytes(text)
    return scene


def reference(scene: Scene, name: str) -> str:
    return f"{scene.root / name}.invar#{'+'.join(BAR)}"


def verified(scene: Scene, name: str, *require: str, **more: object) -> VerificationResult:
    return scene.verify(reference=reference(scene, name), require=frozenset(require), **more)


def codes(result: VerificationResult) -> set[str]:
    return {finding.code for finding in result.findings}


@pytest.mark.parametrize("name", CHANGED)
def test_drift_is_reported_and_decides_nothing(scene: Scene, name: str) -> None:
    result = verified(scene, name)
    assert (result.exit_code, codes(result)) == (0, set())
    found = result.policy_digest
    assert found is not None
    assert found.relation == name
    assert found.changed == (name != "equal")
    assert found.run == result.producer_bar
    keys = {one.key for one in found.differences if one.relation != "equal"}
    assert (
        keys
        == {
            "equal": set(),
            "stricter": {"perplexity.ratio"},
            "weaker": {"perplexity.ratio"},
            "mixed": {"perplexity.ratio", "perplexity.tail.p95"},
            "incomparable": {"windows.length"},
        }[name]
    )


@pytest.mark.parametrize("name", CHANGED)
@pytest.mark.parametrize("level", [Level.SIGNED, Level.BOUND, Level.JUDGED])
def test_a_bar_at_least_as_strict_may_be_required(scene: Scene, name: str, level: Level) -> None:
    more = {"policy": None} if level is not Level.JUDGED else {}
    result = verified(scene, name, "reference", level=level, **more)
    if name in {"equal", "stricter"}:
        assert codes(result) == set()
        assert result.exit_code == (0 if level is Level.JUDGED else 3)
    else:
        assert (result.exit_code, codes(result)) == (4, {"E412"})
        assert result.verdict is None


def test_a_reference_that_is_required_must_be_named(scene: Scene) -> None:
    with pytest.raises(UsageFault, match="without --reference"):
        scene.verify(require=frozenset({"reference"}))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda bar: bar["settings"].update({"windows.length": "8"}), "E404"),
        (lambda bar: bar["gates"].clear(), "E405"),
        (lambda bar: bar["gates"].append(bar["gates"][0]), "E405"),
    ],
)
def test_a_bar_that_no_compiler_wrote_is_refused(
    tmp_path: Path, change: Callable[[Any], None], code: str
) -> None:
    """A trusted signer whose statement holds another bar than it names."""
    scene = make_scene(tmp_path)
    (tmp_path / "weaker.invar").write_bytes(CHANGED["weaker"])
    files = documents(case())
    report = report_of(files).encode()
    statement = json.loads(signed(report))
    change(statement["predicate"]["resolved_policy"])
    scene.publish(files, report, canonical_bytes(statement))
    result = verified(scene, "weaker", level=Level.SIGNED, policy=None)
    assert (result.exit_code, codes(result), result.policy_digest) == (4, {code}, None)


def test_every_format_tells(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    ask = scene.request
    words = ["verify", str(ask.bundle), "--key", str(ask.keys[0]), "--subject", str(ask.subject)]
    words += ["--policy", str(ask.policy), "--reference", reference(scene, "mixed")]
    assert main(words) == 0
    text = capsys.readouterr().out
    assert "run's bar   mixed sha256:" in text
    assert "  weaker       perplexity.ratio: require <= 1.02 → require <= 1.1" in text
    assert main([*words, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["policy_digest"]["changed"] is True
    assert main([*words, "--format", "sarif"]) == 0
    results = results_of(json.loads(capsys.readouterr().out))
    assert {(one["ruleId"], one["level"]) for one in results} == {("bar-drift", "note")}
    assert main([*words, "--require", "reference"]) == 4
