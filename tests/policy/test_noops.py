"""Every shipped bar: what means the same keeps its digest, what means another thing moves it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from invarlock.policy import PolicyFault, compile_policy
from invarlock.policy.catalogue import MEASURES, Kind
from invarlock.policy.intervals import WHOLE_UNITS
from invarlock.policy.ir import BarIR, Gate, Interval, Member
from invarlock.policy.words import relation_text
from tests.conftest import ROOT
from tests.policy.support import compiled

SHIPPED = sorted((ROOT / "policies").glob("*.invar"))
SOURCES = {path.stem: path.read_text("utf-8") for path in SHIPPED}
BARS = {
    f"{stem}#{name}": bar
    for stem, source in SOURCES.items()
    for name, bar in compiled(source).ir.bars.items()
}

Edit = Callable[[str], str]


# --- no-ops ---------------------------------------------------------------------------------


def sub(pattern: str, new: str | Callable[[re.Match[str]], str], flags: int = 0) -> Edit:
    return lambda text: re.sub(pattern, new, text, flags=re.MULTILINE | flags)


def no_tests(text: str) -> str:
    return re.sub(r'^test "[^"]*" \{.*?^\}\n', "", text, flags=re.MULTILINE | re.DOTALL)


def no_comments(text: str) -> str:
    return re.sub(r"[ \t]*#[^\n]*", "", text)


def one_line(text: str) -> str:
    """Every line end that separates statements as a semicolon."""
    plain = re.sub(r"\n+", "\n", no_comments(text)).strip()
    return re.sub(r"(?<=\{);|;(?=\})", " ", plain.replace("\n", ";"))


def reversed_statements(text: str) -> str:
    """Gates and blocks in reverse, within the top level and within each block."""
    lines = [line for line in no_comments(no_tests(text)).split("\n") if line.strip()]
    head, body = lines[:2], lines[2:]
    parts: list[str] = []
    while body:
        size = body.index("}") + 1 if body[0].endswith("{") else 1
        first, *inner = body[:size]
        parts.append("\n".join([first, *inner[-2::-1], *inner[-1:]]))
        body = body[size:]
    return "\n".join([*head, *reversed(parts), ""])


def as_percent(match: re.Match[str]) -> str:
    whole, _, rest = match[2].partition(".")
    digits = (rest + "00")[:2]
    return f"{match[1]}{whole}{digits}.{rest[2:] or '0'}%"


def spelt_in_full(match: re.Match[str]) -> str:
    """The settings of a block as statements of the top level, in reverse."""
    return "\n".join(f"windows.{one.strip()}" for one in reversed(match[1].split(";")))


NO_OPS: dict[str, Edit] = {
    "comments removed": no_comments,
    "comments added": sub("$", "  # a remark"),
    "blank lines and carriage returns": sub("$", "\r\n"),
    "indentation and blanks": sub(" +", "\t  "),
    "semicolons for line ends": one_line,
    "order of statements": reversed_statements,
    "name and version of the policy": sub(r'^policy \w+ "[^"]*"', 'policy another "9.9.9"'),
    "about": sub(r"^about .*$", ""),
    "tests": no_tests,
    "tiers and profiles renamed": sub(
        r"\b(aggressive|balanced|conservative|dev|ci|release)\b(?=.*( \{|$))", r"x_\1"
    ),
    "ratios as percentages": sub(r"(perplexity\.\w+ +(?:<=|in \[) ?)(\d\.\d+)(?=[\s])", as_percent),
    "percentages as ratios": sub(r"(?<![.\d])(\d\d)%", r"0.\g<1>0"),
    "digits grouped and zeros added": sub(r"(?<= )(\d\.\d\d) nats", r"0\g<1>00"),
    "units left out": sub(r"(\d) (?:tokens|nats)", r"\1"),
    "equality as a set": sub(r"(tokenizer\.same|runtime\.\w+) +== (\w+)", r"\1 in {\2}"),
    "counts from the other side": sub(r"(windows\.(?:final|preview)) +>= 64", r"\1 > 63"),
    "zero as an interval": sub(r"(invariants\.\w+ +)== 0", r"\1in [0, 0]"),
    "settings spelt in full": sub(r"^windows +\{(.*?)\}", spelt_in_full),
    "defaults left out": sub(r"^ +(interval|seed|resample|looks|spending) += \S+\n", ""),
    "inherited gates written out": sub(
        r"^(tier conservative.*)$", r"\1\n  require windows.overlap == 0%"
    ),
}  # fmt: skip


APPLICABLE = [
    (stem, name)
    for stem, source in SOURCES.items()
    for name, edit in NO_OPS.items()
    if edit(source) != source
]
"""A policy without perplexity has no ratio of it to write as a percentage, and so on."""


def test_every_edit_applies_to_the_policy_for_causal_models() -> None:
    assert [name for stem, name in APPLICABLE if stem == "causal_lm"] == list(NO_OPS)


@pytest.mark.parametrize(("stem", "name"), APPLICABLE)
def test_what_means_the_same_keeps_every_digest(stem: str, name: str) -> None:
    source = SOURCES[stem]
    edited = NO_OPS[name](source)
    before, after = compiled(source), compiled(edited)
    assert after.source_digest != before.source_digest
    names = {bar.replace("x_", ""): found for bar, found in after.ir.bars.items()}
    assert {bar: found.digest for bar, found in names.items()} == {
        bar: found.digest for bar, found in before.ir.bars.items()
    }


SIGNED = """
signer release {
  repository = "https://example.org/models"
  workflow   = "models/.github/workflows/*.yml"
  ref        = "refs/tags/*"
  issuer     = "https://token.example.org"
}
require signature.by in {release}
"""


@pytest.mark.parametrize("stem", SOURCES)
def test_the_name_of_a_signer_is_no_part_of_a_bar(stem: str) -> None:
    signed = compiled(SOURCES[stem] + SIGNED)
    renamed = compiled(SOURCES[stem] + re.sub(r"\brelease\b(?=[ }])", "publisher", SIGNED))
    other = compiled(SOURCES[stem] + SIGNED.replace("refs/tags/*", "refs/tags/v*"))
    assert set(renamed.signers) == {"publisher"}
    for name, bar in signed.ir.bars.items():
        assert renamed.ir.bars[name].digest == bar.digest
        assert other.ir.bars[name].digest != bar.digest


@pytest.mark.parametrize("stem", SOURCES)
def test_included_or_written_out_is_the_same_bar(stem: str) -> None:
    plain = compiled(SOURCES[stem])
    pin = f'include "all.invar" {plain.ir.digest} as all'
    tiers = "\n".join(f"tier {name} refines all.{name} {{ }}" for name in plain.tiers)
    source = f'invar 1\npolicy by_include "1"\ntask = {plain.ir.task}\n{pin}\n{tiers}\n'
    sources = {"all.invar": SOURCES[stem].encode()}
    included = compile_policy(source.encode(), filename="p", includes=sources.__getitem__)
    for name in plain.tiers:
        assert included.ir.bars[name].digest == plain.ir.bars[name].digest


def test_there_are_more_than_ten() -> None:
    assert len(NO_OPS) >= 10
    assert len(BARS) >= 12


# --- single changes -------------------------------------------------------------------------

Statement = tuple[str, str, str]
"""Level, subject and relation, as they are written."""


def written_out(bar: BarIR, gates: list[Statement], settings: dict[str, str]) -> str:
    """The bar as a policy of its own: one tier, everything said."""
    head = ["invar 1", 'policy one "1"', f"task = {bar.task}"]
    set_to = [f"{name} = {value}" for name, value in settings.items()]
    body = [" ".join(statement) for statement in gates]
    return "\n".join([*head, *set_to, "tier t {", *body, "}"])


def statements(bar: BarIR) -> list[Statement]:
    return [(gate.level, gate.id, relation_text(gate)) for gate in bar.gates]


def changed_relations(gate: Gate) -> Iterator[str]:
    """The relation with one thing changed: an end, its openness, its unit, a member."""
    text = relation_text(gate)
    measure = MEASURES[gate.measure]
    match gate.relation:
        case Interval():
            step = 1 if measure.unit in WHOLE_UNITS else 0.01
            for number in re.finditer(r"-?\d+(?:\.\d+)?", text):
                for moved in (float(number[0]) + step, float(number[0]) - step):
                    yield f"{text[: number.start()]}{moved:.10g}{text[number.end() :]}"
            for old, new in (
                ("<=", "<"),
                (">=", ">"),
                ("[", "("),
                ("]", ")"),
                ("==", "<"),
                ("==", ">"),
            ):
                if old in text:
                    yield text.replace(old, new)
            if measure.unit == "ratio" and text.strip("<>= ") != "0":
                yield re.sub(r"(\d)(?=$|,|\])", r"\1%", text)
        case Member():
            for word in sorted({*measure.words} - {*gate.relation.values}):
                yield text.replace("{", f"{{{word}, ")
                yield f"== {word}"
            if measure.kind is Kind.DIGEST:
                yield f"== sha256:{'0' * 64}"


def changed_subjects(gate: Gate) -> Iterator[str]:
    measure = MEASURES[gate.measure]
    if gate.target is None and gate.statistic == "estimate":
        yield from ([f"{gate.id}.point"] if measure.interval else [])
        yield from ([f'{gate.id} on "code"'] if measure.slices else [])
        yield from ([f"{gate.id} on attn", f"{gate.id} on each family"] if measure.families else [])
    for other in MEASURES.values():
        same = (other.kind, other.unit, other.words) == (measure.kind, measure.unit, measure.words)
        if same and other is not measure:
            yield gate.id.replace(gate.measure, other.name)
            return


def single_changes(bar: BarIR) -> Iterator[tuple[str, str]]:
    """The source of the bar with one thing changed, and what that is."""
    settings, gates = dict(bar.settings), statements(bar)
    for name, value in (
        ("windows.length", "129"),
        ("estimate.confidence", "0.96"),
        ("estimate.seed", "8"),
    ):
        yield name, written_out(bar, gates, {**settings, name: value})
    yield "a gate more", written_out(bar, [*gates, ("require", "kl.p99", "<= 9")], settings)
    yield "a warning more", written_out(bar, [*gates, ("warn", "kl.p99", "<= 9")], settings)
    for place, gate in enumerate(bar.gates):
        level, subject, relation = gates[place]
        other = "warn" if level == "require" else "require"
        versions: list[list[Statement]] = [[], [(other, subject, relation)]]
        versions += [[(level, subject, text)] for text in changed_relations(gate)]
        versions += [[(level, text, relation)] for text in changed_subjects(gate)]
        for version in versions:
            what = f"{' '.join(gates[place])} → {version}"
            yield what, written_out(bar, [*gates[:place], *version, *gates[place + 1 :]], settings)


@pytest.mark.parametrize("name", BARS)
def test_every_single_change_moves_the_digest(name: str) -> None:
    bar = BARS[name]
    plain = compiled(written_out(bar, statements(bar), dict(bar.settings)))
    assert plain.ir.bars["t"].digest == bar.digest, "written out it is the same bar"
    changes = 0
    for what, source in single_changes(bar):
        try:
            found = compiled(source).ir.bars["t"]
        except PolicyFault:
            continue  # no bar: the key is there already, or no value could reach the bound
        assert found.digest != bar.digest, what
        changes += 1
    assert changes >= 30
