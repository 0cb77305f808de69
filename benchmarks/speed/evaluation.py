"""What an evaluation costs beside the forward passes it cannot do without, and beside a peer."""

from __future__ import annotations

import shutil
import statistics
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.speed.material import Material
from benchmarks.speed.printed import Lines
from benchmarks.speed.process import INVARLOCK, PYTHON, ROOT, THREADS, Ran, call, peak_of_tree

HERE: Final = ROOT / "benchmarks" / "speed"
VERDICTS: Final = (0, 1, 3)


def command(
    material: Material, bar: str, models: tuple[Path, Path], out: Path, *extra: str
) -> list[str]:
    """`invarlock evaluate`, for a run folder that is not there yet."""
    shutil.rmtree(out, ignore_errors=True)
    argv = [INVARLOCK, "evaluate", "--policy", f"{material.policy}#{bar}", "--out", str(out)]
    argv += ["--baseline", str(models[0]), "--subject", str(models[1])]
    return [*argv, "--data", str(material.prose), *extra]


def evaluation(material: Material, lines: Lines, rounds: int) -> None:
    """SmolLM2, 200 windows of 128 tokens: everything of a round follows one another."""
    ratios: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        whole, again, windows = _evaluated(material)
        floor, least = _bare(material, windows)
        ratios["bare"].append(whole.wall / floor)
        ratios["worked"].append(whole.worked / least)
        ratios["again"].append(again.wall / whole.wall)
        said = f"  evaluate {whole.wall:.1f} s, second subject {again.wall:.1f} s"
        said += f", two bare passes {floor:.1f} s"
        if material.peers is not None:
            peer = _harness(material, material.peers, windows)
            ratios["harness"].append(whole.wall / peer.wall)
            ratios["harness worked"].append(whole.worked / peer.worked)
            said += f", lm-eval twice {peer.wall:.1f} s"
        said += f"; of the processors {whole.worked:.1f} s and {least:.1f} s"
        lines.say(said)
    _figure(lines, "evaluate, whole process / two bare forward passes", ratios["bare"], "<= 1.20")
    _figure(lines, "  processor time likewise", ratios["worked"])
    _figure(lines, "second subject, baseline kept / first", ratios["again"], "<= 0.65")
    if ratios["harness"]:
        name = "evaluate / lm-evaluation-harness 0.4.13, both models"
        _figure(lines, name, ratios["harness"], "<= 0.85")
        _figure(lines, "  processor time likewise", ratios["harness worked"])
    else:
        lines.say("no lm-evaluation-harness here: `make peers`")


def _figure(lines: Lines, name: str, ratios: Sequence[float], target: str = "-") -> None:
    lines.figure(name, f"{statistics.median(ratios):.2f}", target)


def _evaluated(material: Material) -> tuple[Ran, Ran, Path]:
    """A first subject, which leaves the baseline's results, and a second that takes them."""
    kept = material.work / "kept"
    shutil.rmtree(kept, ignore_errors=True)
    runs = []
    for subject in ("careful", "careless"):
        models = (material.baseline, material.subjects[subject])
        out = material.work / f"run-{subject}"
        argv = command(material, "balanced+bench", models, out, "--cache", str(kept))
        runs.append(call(argv, allowed=VERDICTS))
    return runs[0], runs[1], material.work / "run-careful" / "evidence" / "windows.u32"


def _bare(material: Material, windows: Path) -> tuple[float, float]:
    """Wall and processor seconds of two forward passes."""
    argv = [PYTHON, str(HERE / "bare_forward.py"), str(material.baseline)]
    argv += [str(material.subjects["careful"]), str(windows), "128", THREADS]
    wall, worked = call(argv).printed.split()[-2:]
    return float(wall), float(worked)


def _harness(material: Material, python: str, windows: Path) -> Ran:
    """The harness on both models, each a process of its own, as its command runs them."""
    both = []
    for model in (material.baseline, material.subjects["careful"]):
        argv = [python, str(HERE / "peers" / "lm_eval_scores.py"), str(model)]
        both.append(call([*argv, str(windows), "128", THREADS]))
    one, two = both
    return Ran(one.wall + two.wall, one.worked + two.worked, max(one.peak, two.peak), two.printed)


def ray(material: Material, lines: Lines, rounds: int) -> None:
    """Two workers against local, on SmolLM2; half of the processors each. No target hangs on it,
    so one round does for three."""
    if "--executor" not in call([INVARLOCK, "evaluate", "--help"]).printed:
        lines.say("Ray: this version has no executors")
        return
    models = (material.baseline, material.subjects["careful"])
    ratios = []
    for _ in range(-(-rounds // 3)):
        times = []
        for executor in ("local", "ray"):
            extra = ("--no-cache", "--executor", executor)
            out = material.work / f"run-{executor}"
            argv = command(material, "balanced+bench", models, out, *extra)
            times.append(call(argv, allowed=VERDICTS).wall)
        ratios.append(times[1] / times[0])
        lines.say(f"  local {times[0]:.1f} s, Ray {times[1]:.1f} s")
    _figure(lines, "evaluate with Ray, two workers / local", ratios)


def tiny(material: Material, lines: Lines, rounds: int) -> None:
    """A GPT-2 of 1.35 million parameters, 480 windows, whole command, nothing kept."""
    models = (material.tiny / "baseline", material.tiny / "subject")
    out = material.work / "run-tiny"

    def argv() -> list[str]:
        return command(material, "balanced+tiny", models, out, "--no-cache")

    call(argv(), allowed=VERDICTS)  # bytecode, and files in the system's cache
    ran = [call(argv(), allowed=VERDICTS) for _ in range(rounds)]
    wall = statistics.median(one.wall for one in ran)
    worked = statistics.median(one.worked for one in ran)
    peak = max(one.peak for one in ran)
    tree = peak_of_tree(argv(), allowed=VERDICTS)
    lines.figure("tiny GPT-2, evaluate, whole command, cold", f"{wall:.1f} s", "<= 8 s")
    lines.figure("  processor time", f"{worked:.1f} s")
    lines.figure("  peak memory of its largest process", f"{peak / 1e6:.0f} MB", "<= 600 MB")
    lines.figure("  of all its processes together, shared pages once", f"{tree / 1e6:.0f} MB")
