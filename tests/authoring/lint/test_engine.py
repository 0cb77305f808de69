"""Order, allowances, fixes that do not collide, and the digest that stays."""

from __future__ import annotations

import pytest

from invarlock.authoring.lint import Edit, LintFinding, apply_fixes, fix, lint
from invarlock.policy import PolicyFault, Span, compile_policy
from tests.authoring.lint.support import HEAD, found
from tests.conftest import ROOT

MANY = HEAD + (
    "windows { length = 64 }\n"
    "tier a { require perplexity.ratio <= 1.10; require kl.mean in [0, 0.1] # x\n}\n"
    "tier b refines a {\n"
    "  require perplexity.ratio <= 105%   # y\n"
    "  require perplexity.tail.p95 <= 0.1\n"
    "  # z\n"
    "  require windows.tokens >= 1000000; require windows.final >= 180 windows\n"
    "}\n"
)


def _edit(start: int, end: int, text: str) -> LintFinding:
    return LintFinding("r", "info", "", "", Span(1, 1, 1, 1), Edit(start, end, text))


def test_findings_come_in_the_order_of_the_source() -> None:
    hits = lint(MANY.encode(), filename="p.invar")
    assert [hit.span for hit in hits] == sorted(hit.span for hit in hits)
    assert {"unit-words", "mixed-percent", "digit-groups", "boundary-open"} <= {
        h.rule for h in hits
    }


def test_what_does_not_compile_is_left_to_the_compiler() -> None:
    with pytest.raises(PolicyFault) as caught:
        lint((HEAD + "tier t { require kl.maen <= 1 }").encode(), filename="p.invar")
    assert [found.code for found in caught.value.diagnostics] == ["E102"]
    assert caught.value.diagnostics[0].filename == "p.invar"


def test_all_fixes_at_once_keep_digest_and_comments() -> None:
    fixed = fix(MANY.encode(), filename="p.invar")
    before = compile_policy(MANY.encode(), filename="p").ir
    assert compile_policy(fixed.source, filename="p").ir == before
    text = fixed.source.decode()
    assert [line.split("#")[1].strip() for line in text.splitlines() if "#" in line] == list("xyz")
    assert not [hit for hit in lint(fixed.source, filename="p.invar") if hit.fix]
    assert fix(fixed.source, filename="p.invar").source == fixed.source
    assert {hit.rule for hit in fixed.applied} >= {"unit-words", "mixed-percent", "digit-groups"}


def test_without_anything_to_fix_not_even_the_layout_changes() -> None:
    source = (HEAD + "tier t { require   kl.mean<=1 nats }").encode()
    assert fix(source, filename="p", rules={"no-about", "unit-words"}).source == source


def test_of_two_fixes_that_overlap_the_earlier_is_applied() -> None:
    edits = [
        _edit(2, 5, "X"),
        _edit(4, 6, "Y"),
        _edit(0, 1, "A"),
        _edit(6, 6, "!"),
        _edit(6, 6, "?"),
    ]
    assert apply_fixes(b"0123456789", edits) == b"A1X5!?6789"
    assert apply_fixes("äöü".encode(), [_edit(1, 2, "ß")]) == "äßü".encode()
    assert apply_fixes(b"abc", []) == b"abc"


@pytest.mark.parametrize(
    ("body", "allowed"),
    [
        ("# lint: allow untested, soon\ntier t { require kl.mean <= 1 nats }", True),
        ("# lint: allow untested, soon\n# and more\ntier t { require kl.mean <= 1 nats }", True),
        ("tier t { require kl.mean <= 1 nats } # lint: allow untested, soon", True),
        ("#lint:allow untested,soon\ntier t { require kl.mean <= 1 nats }", True),
        ("# lint: allow untested\ntier t { require kl.mean <= 1 nats }", False),
        ("# lint: allow no-about, soon\ntier t { require kl.mean <= 1 nats }", False),
        ("# lint: allow untested, soon\n\ntier t { require kl.mean <= 1 nats }", False),
        ("tier t { require kl.mean <= 1 nats }\n# lint: allow untested, soon", False),
        ("# x lint: allow untested, y\ntier t { require kl.mean <= 1 nats }", False),
    ],
)
def test_allowances(body: str, allowed: bool) -> None:
    assert bool(found("untested", body)) is not allowed


def test_the_shipped_policies_leave_nothing_to_say() -> None:
    for path in sorted((ROOT / "policies").glob("**/*.invar")):
        hits = lint(path.read_bytes(), filename=path.name)
        assert [f"{path.name}:{hit.span} {hit.rule}" for hit in hits] == []
