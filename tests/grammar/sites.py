"""Which places of the compiler word a diagnostic, and which of them a set of policies reaches.

A place is a call that makes a diagnostic (``Problem(…)``, ``problems.add("E…", …)`` and the like)
or, in the modules that word syntax errors, a ``return`` with a message. Places are found in the
source of the compiler, so that a new one without a policy that reaches it fails the test.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import invarlock.policy

COMPILER = Path(invarlock.policy.__file__).parent
# Modules that return the words of a syntax error, and the functions in them that do.
WORDING = {"expected.py": {"complaint", "misspelt"}, "lex.py": {"_problem"}}
MAKERS = {"Problem", "SyntaxFault", "Conflict"}
COLLECTORS = {"add", "warn"}
CODE = re.compile(r"E\d{3}")

Site = tuple[str, int, int]
"""File name, first line, last line."""


def sites() -> set[Site]:
    """Every place of the compiler that words a diagnostic."""
    found: set[Site] = set()
    for path in COMPILER.glob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        nodes: Iterable[ast.AST] = (node for node in ast.walk(tree) if _makes(node))
        if path.name in WORDING:
            nodes = _returns(tree, WORDING[path.name])
        found |= {_site(path.name, node) for node in nodes}
    return found


def _makes(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not node.args:
        return False
    match node.func:
        case ast.Name(id=name):
            return name in MAKERS
        case ast.Attribute(attr=name):
            first = node.args[0]
            value = first.value if isinstance(first, ast.Constant) else None
            return name in COLLECTORS and isinstance(value, str) and bool(CODE.fullmatch(value))
        case _:
            return False


def _returns(tree: ast.Module, functions: set[str]) -> Iterable[ast.AST]:
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and function.name in functions:
            for node in ast.walk(function):
                if isinstance(node, ast.Return) and not _returns_none(node):
                    yield node


def _returns_none(node: ast.Return) -> bool:
    return isinstance(node.value, ast.Constant) and node.value.value is None


def _site(name: str, node: Any) -> Site:
    return name, node.lineno, node.end_lineno


def around(site: Site) -> str:
    """The source of ``site`` and of the lines before it that word its message."""
    name, first, last = site
    rows = (COMPILER / name).read_text("utf-8").splitlines()
    return "\n".join(rows[first - 4 : last])


def reached(work: Callable[[], object], wanted: set[Site]) -> set[Site]:
    """Those of ``wanted`` that run while ``work`` does."""
    ran: set[tuple[str, int]] = set()
    files = {str(COMPILER / name): name for name, _, _ in wanted}

    def local(frame: FrameType, event: str, argument: object) -> object:
        if event == "line":
            ran.add((files[frame.f_code.co_filename], frame.f_lineno))
        return local

    @cache
    def concerned(code: CodeType) -> bool:
        name = files.get(code.co_filename)
        lines = {line for _, _, line in code.co_lines()}
        return any(site[0] == name and site[1] in lines for site in wanted)

    def trace(frame: FrameType, event: str, argument: object) -> object:
        return local if concerned(frame.f_code) else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return {
        (name, first, last)
        for name, first, last in wanted
        if any((name, line) in ran for line in range(first, last + 1))
    }
