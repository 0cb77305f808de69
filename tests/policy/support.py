"""Small policies for tests, and what compiling them says."""

from __future__ import annotations

from invarlock.policy import Compiled, Diagnostic, PolicyFault, compile_policy

HEAD = 'invar 1\npolicy sample "1.0.0"\ntask = causal_lm\n'
TIER = "tier t {\n  require perplexity.ratio <= 1.10\n}\n"


def compiled(text: str | bytes) -> Compiled:
    """The compiled policy; the test fails with its diagnostics otherwise."""
    return compile_policy(text.encode() if isinstance(text, str) else text, filename="p.invar")


def policy(top: str = "", tier: str = "require perplexity.ratio <= 1.10", rest: str = "") -> str:
    """A whole policy with one tier ``t``."""
    return f"{HEAD}{top}\ntier t {{\n  {tier}\n}}\n{rest}\n"


def errors(text: str | bytes) -> list[Diagnostic]:
    """The errors of a policy, in order; empty if it compiles."""
    try:
        compiled(text)
    except PolicyFault as fault:
        return [found for found in fault.diagnostics if found.severity == "error"]
    return []


def marked(text: str) -> tuple[str, int, int, int, int]:
    """``text`` without its one pair of ``«»``, and the span they marked (one line)."""
    start, end = text.index("«"), text.index("»")
    line = text.count("\n", 0, start) + 1
    column = start - (text.rfind("\n", 0, start) + 1) + 1
    plain = text.replace("«", "").replace("»", "")
    return plain, line, column, line, column + (end - start - 1)
