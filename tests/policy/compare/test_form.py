"""IR files in another form than the compiler's are refused, each fault by itself."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from invarlock.canonical import canonical_bytes
from invarlock.errors import UsageFault
from invarlock.policy.compare.document import parse_ir
from invarlock.policy.signers import WorkflowSigner, covers
from tests.conftest import ROOT
from tests.policy.support import compiled, policy

KEYS = [f"sha256:{letter * 64}" for letter in "ab"]
WORKFLOW = """signer {} {{
  repository = "https://github.com/acme/{}"
  workflow = "acme/m/.github/workflows/r.yml"
  ref = "refs/tags/*"
  issuer = "https://issuer.example"
}}
"""
SOURCE = policy(
    WORKFLOW.format("a", "m") + WORKFLOW.format("b", "n"),
    f"""require kl.mean <= 0.1
  require kl.mean on "code" in [0.01, 0.2]
  require delta_p.mean >= 1 pp
  require windows.final >= 10
  require spectral.shift on attn <= 0.1
  require runtime.isolation in {{host, sandbox}}
  require data.digest in {{{", ".join(KEYS)}}}
  require signature.by in {{a, b}}""",
)
POLICY = compiled(SOURCE).ir
Change = Callable[[dict[str, Any]], Any]


def gate(bar: dict[str, Any], measure: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in bar["gates"] if one["measure"] == measure)
    return found


def interval(measure: str, **ends: object) -> Change:
    return lambda bar: gate(bar, measure)["relation"].update(ends)


def values(measure: str, *found: str) -> Change:
    return lambda bar: gate(bar, measure)["relation"].update(values=list(found))


def glob(part: str, text: str) -> Change:
    return lambda bar: gate(bar, "signature.by")["relation"]["rules"][0].update({part: text})


def setting(name: str, value: str) -> Change:
    return lambda bar: bar["settings"].update({name: value})


def slice_named(name: str) -> Change:
    target = {"kind": "slice", "name": name}
    return lambda bar: gate(bar, "kl.mean").update(target=target)


def doubled(items: list[Any]) -> None:
    items.insert(0, items[0])


FAULTS: dict[str, Change] = {
    "a glob with NUL": glob("ref", "refs/\0"),
    "a glob with two stars": glob("ref", "refs/**"),
    "a glob with a blank": glob("ref", "refs/ x"),
    "a glob with a look-alike": glob("ref", "r\u0435fs/x"),
    "a glob with a new line": glob("ref", "refs/x\n"),
    "an empty glob": glob("ref", ""),
    "rules turned round": lambda bar: gate(bar, "signature.by")["relation"]["rules"].reverse(),
    "a rule twice": lambda bar: doubled(gate(bar, "signature.by")["relation"]["rules"]),
    "a rule in another": glob("repository", "https://github.com/acme/*"),
    "gates turned round": lambda bar: bar["gates"].reverse(),
    "a gate twice": lambda bar: doubled(bar["gates"]),
    "no gate": lambda bar: bar.update(gates=[]),
    "words turned round": values("runtime.isolation", "sandbox", "host"),
    "a word twice": values("runtime.isolation", "host", "host"),
    "an unknown word": values("runtime.isolation", "cellar", "host"),
    "a digest twice": values("data.digest", KEYS[0], KEYS[0]),
    "a digest that is none": values("data.digest", "sha256:ab"),
    "an absent end that is open": interval("windows.final", high_closed=False),
    "both ends absent": interval("windows.final", low=None),
    "the end that the measure has": interval("windows.final", high="1000000"),
    "an open end of a count": interval("windows.final", low_closed=False),
    "a fraction of a count": interval("windows.final", low="9.5"),
    "what is out of range": interval("kl.mean", low="-1"),
    "minus nothing": interval("delta_p.mean", low="-0"),
    "an empty interval": interval("kl.mean", high="-1"),
    "a long number": interval("kl.mean", high="1" * 200),
    "an unknown setting": setting("estimate.sed", "7"),
    "an unknown word of a setting": setting("estimate.interval", "junk"),
    "a number that is a word": setting("estimate.confidence", "junk"),
    "another spelling": setting("estimate.confidence", "0.950"),
    "a setting out of range": setting("estimate.confidence", "1"),
    "a fraction of tokens": setting("windows.length", "512.5"),
    "a setting less": lambda bar: bar["settings"].pop("estimate.seed"),
    "an unknown task": lambda bar: bar.update(task="vision"),
    "a slice with a new line": slice_named("a\nb"),
    "a slice with a blank first": slice_named(" a"),
    "a slice with a quote": slice_named('a"b'),
    "a slice with a backslash": slice_named("a\\b"),
    "a slice with a look-alike": slice_named("b\u0430"),
    "a slice too long": slice_named("a" * 65),
    "an unknown family": lambda bar: gate(bar, "spectral.shift").update(
        target={"kind": "family", "name": "moe"}
    ),
    "a point of what has none": lambda bar: gate(bar, "spectral.shift").update(statistic="point"),
}


def refused(document: object) -> str:
    with pytest.raises(UsageFault) as caught:
        parse_ir(json.dumps(document).encode(), "x")
    return caught.value.code


@pytest.mark.parametrize("what", FAULTS)
def test_a_bar_in_another_form(what: str) -> None:
    document: Any = POLICY.bars["t"].document()
    assert parse_ir(canonical_bytes(document), "x") == POLICY.bars["t"]
    broken = copy.deepcopy(document)
    FAULTS[what](broken)
    assert broken != document
    assert refused(broken) == "E134"
    whole: Any = POLICY.document()
    assert refused(whole | {"bars": {"t": broken}}) == "E134"


def test_a_slice_by_another_name_has_its_form() -> None:
    document: Any = POLICY.bars["t"].document()
    slice_named("a b")(document)
    assert parse_ir(canonical_bytes(document), "x") != POLICY.bars["t"]


POLICY_FAULTS: dict[str, Change] = {
    "another language": lambda whole: whole.update(language=2),
    "a dotted name": lambda whole: whole["bars"].update({"a.b": whole["bars"]["t"]}),
    "a profile without its tier": lambda whole: whole["bars"].update({"u+p": whole["bars"]["t"]}),
    "a tier without its profile": lambda whole: whole["bars"].update(
        dict.fromkeys(("t+p", "u"), whole["bars"]["t"])
    ),
    "another task": lambda whole: whole.update(task="vision"),
    "no bar": lambda whole: whole.update(bars={}),
}


@pytest.mark.parametrize("what", POLICY_FAULTS)
def test_a_policy_in_another_form(what: str) -> None:
    document: Any = POLICY.document()
    assert parse_ir(canonical_bytes(document), "x") == POLICY
    broken = copy.deepcopy(document)
    POLICY_FAULTS[what](broken)
    assert refused(broken) == "E134"


def test_what_the_compiler_writes_is_in_form() -> None:
    """Every policy of the corpus that compiles by itself, and the standard ones."""
    read = 0
    for path in (*ROOT.glob("grammar/accept/*.invar"), *ROOT.glob("policies/*.invar")):
        try:
            ir = compiled(path.read_bytes()).ir
        except UsageFault:
            continue  # it includes others, and this text has no folder
        assert parse_ir(canonical_bytes(ir.document()), path.name) == ir
        read += 1
    assert read > 10


def test_a_star_is_told_from_every_character_of_the_other_glob() -> None:
    def signer(ref: str) -> WorkflowSigner:
        return WorkflowSigner(repository="r", workflow="w", ref=ref, issuer="i")

    assert not covers(signer("refs/\0"), signer("refs/*"))
    assert not covers(signer("refs/\0*"), signer("refs/*"))
    assert covers(signer("refs/*"), signer("refs/\0"))
    assert covers(signer("*/*"), signer("refs/*"))
