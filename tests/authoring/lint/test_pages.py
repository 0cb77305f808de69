"""Every rule has a page whose Avoid is found, whose Prefer is not, and which `--fix` leads to."""

from __future__ import annotations

import pytest

from invarlock.authoring.lint import RULES, Rule, fix, lint
from invarlock.authoring.lint.names import NAMES
from invarlock.policy import compile_policy
from tests.authoring.lint.pages import example, folder

by_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)


def _found(rule: Rule, source: bytes) -> list[str]:
    found = lint(source, filename="p.invar", rules={rule.name, "point-alone", "untested"})
    return [finding.rule for finding in found if finding.rule == rule.name]


@by_rule
def test_avoid_is_found_and_prefer_is_not(rule: Rule) -> None:
    assert _found(rule, example(rule, "Avoid"))
    assert not _found(rule, example(rule, "Prefer"))


@by_rule
def test_the_page_says_what_the_rule_is(rule: Rule) -> None:
    page = rule.page
    assert page.startswith(f"# {rule.name}\n\n")
    assert f"\nSeverity: {rule.severity}." in page
    assert ("`--fix`" in page) == rule.fixable
    assert page.index("## Avoid") < page.index("## Prefer") < page.index("## Why")
    assert max(map(len, page.splitlines())) <= 100
    assert folder(rule).name == rule.name.replace("-", "_")


@by_rule
def test_only_what_is_fixable_offers_a_fix(rule: Rule) -> None:
    found = [f for f in lint(example(rule, "Avoid"), filename="p") if f.rule == rule.name]
    assert all((finding.fix is not None) == rule.fixable for finding in found)


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if rule.fixable], ids=lambda rule: rule.name
)
def test_fix_leads_from_avoid_to_prefer(rule: Rule) -> None:
    avoid, prefer = example(rule, "Avoid"), example(rule, "Prefer")
    fixed = fix(avoid, filename="p.invar", rules={rule.name})
    assert fixed.source.decode() == prefer.decode()
    assert {finding.rule for finding in fixed.applied} == {rule.name}
    digests = {compile_policy(s, filename="p").ir.digest for s in (avoid, prefer)}
    assert len(digests) == 1
    assert fix(prefer, filename="p.invar", rules={rule.name}).source == prefer


def test_every_folder_is_a_rule_and_every_name_is_known() -> None:
    root = folder(RULES[0]).parent
    folders = {path.name for path in root.iterdir() if (path / "__init__.py").is_file()}
    assert folders == {folder(rule).name for rule in RULES}
    assert frozenset(rule.name for rule in RULES) == NAMES
    assert len(RULES) == len(NAMES)
