#!/usr/bin/env python3
"""Turn grammar/invar.lark into plain Python tables, invarlock/policy/tables.py.

lark builds and proves the grammar (strict LALR(1): no conflict, no two terminals that match one
text). The result is written as literals, so that compiling a policy imports no parser generator
and unpickles nothing. States and rules are numbered by a walk from the start state; the output
does not depend on hash seeds. `--check` compares instead of writing and exits 1 on drift.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lark import Lark

ROOT = Path(__file__).resolve().parents[1]
GRAMMAR = ROOT / "grammar" / "invar.lark"
TABLES = ROOT / "invarlock" / "policy" / "tables.py"

HEADER = '''"""LALR(1) tables of the policy language.

Generated from grammar/invar.lark by scripts/generate_parser.py: do not edit.
`ACTIONS[state][terminal]` is a state to shift to, or `-1 - rule` to
reduce by. A rule is (origin, node name or "" to splice, number of symbols, positions of the
symbols kept as children, whether a single child stands for the node).
"""

from typing import Final

'''


def build(grammar: str) -> Lark:
    """The strict parser of ``grammar``; lark raises on any conflict or colliding terminals."""
    return Lark(grammar, parser="lalr", strict=True, maybe_placeholders=False)


def render(grammar: str) -> str:
    """The text of tables.py for ``grammar``."""
    lark = build(grammar)
    table = lark.parser.parser._parse_table
    start = table.start_states["start"]
    order = number_states(table.states, start)
    rules = sorted(
        {arg for row in table.states.values() for act, arg in row.values() if is_reduce(act)},
        key=rule_key,
    )
    index = {rule: number for number, rule in enumerate(rules)}
    terminals = {terminal.name: terminal for terminal in lark.terminals}
    actions, gotos = rows(table.states, order, index, terminals)
    patterns, keywords = lexer(terminals.values())
    parts = [
        ("GRAMMAR_SHA256: Final", repr(hashlib.sha256(grammar.encode()).hexdigest())),
        ("START: Final", repr(order[start])),
        ("END: Final", repr(order[table.end_states["start"]])),
        ("PATTERNS: Final[tuple[tuple[str, str], ...]]", sequence(patterns)),
        ("KEYWORDS: Final[dict[str, str]]", repr(keywords)),
        ("IGNORED: Final[frozenset[str]]", f"frozenset({sorted(lark.ignore_tokens)!r})"),
        (
            "RULES: Final[tuple[tuple[str, str, int, tuple[int, ...], bool], ...]]",
            sequence(rule_row(rule) for rule in rules),
        ),
        ("ACTIONS: Final[tuple[dict[str, int], ...]]", sequence(actions)),
        ("GOTOS: Final[tuple[dict[str, int], ...]]", sequence(gotos)),
    ]
    return HEADER + "\n".join(f"{name} = {value}" for name, value in parts) + "\n"


def is_reduce(action: object) -> bool:
    return repr(action) == "Reduce"


def rule_key(rule: Any) -> tuple[str, list[str], str]:
    return (rule.origin.name, [symbol.name for symbol in rule.expansion], rule.alias or "")


def rule_row(rule: Any) -> tuple[str, str, int, tuple[int, ...], bool]:
    origin = str(rule.origin.name)
    kept = tuple(n for n, s in enumerate(rule.expansion) if not (s.is_term and s.filter_out))
    node = rule.alias or ("" if origin.startswith("_") else origin)
    single = bool(rule.options.expand1 and rule.alias is None)
    return (origin, str(node), len(rule.expansion), kept, single)


def number_states(states: Mapping[int, Any], start: int) -> dict[int, int]:
    """Number states by a breadth-first walk that follows symbols in order of their names."""
    order, queue = {start: 0}, [start]
    for state in queue:
        for _, (action, target) in sorted(states[state].items()):
            if not is_reduce(action) and target not in order:
                order[target] = len(order)
                queue.append(target)
    return order


def rows(
    states: Mapping[int, Any],
    order: Mapping[int, int],
    index: Mapping[Any, int],
    terminals: Mapping[str, Any],
) -> tuple[list[dict[str, int]], list[dict[str, int]]]:
    actions: list[dict[str, int]] = [{} for _ in order]
    gotos: list[dict[str, int]] = [{} for _ in order]
    for state, number in order.items():
        for symbol, (action, target) in sorted(states[state].items()):
            value = -1 - index[target] if is_reduce(action) else order[target]
            is_terminal = symbol in terminals or symbol == "$END"
            (actions if is_terminal else gotos)[number][str(symbol)] = value
    return actions, gotos


def lexer(terminals: Iterable[Any]) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """Patterns in matching order (strings longest first, after regular expressions), keywords."""
    found = list(terminals)
    name = next(t for t in found if t.name == "NAME")
    words = {
        t.pattern.value: t.name
        for t in found
        if t.pattern.type == "str" and re.fullmatch(name.pattern.to_regexp(), t.pattern.value)
    }
    rest = [t for t in found if t.name not in words.values()]
    rest.sort(key=lambda t: (t.pattern.type == "str", -len(t.pattern.value), t.name))
    return [(t.name, t.pattern.to_regexp()) for t in rest], dict(sorted(words.items()))


def sequence(items: Iterable[object]) -> str:
    return "(\n" + "".join(f"    {item!r},\n" for item in items) + ")"


def main(arguments: list[str]) -> int:
    text = render(GRAMMAR.read_text("utf-8"))
    if "--check" in arguments:
        if TABLES.read_text("utf-8") == text:
            return 0
        print(f"{TABLES.name} is not what {GRAMMAR.name} generates; run {Path(__file__).name}")
        return 1
    TABLES.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
