"""Policies with random statements, random layout and comments wherever the grammar lets them.

All of them parse. About three in four also compile, so that their digests can be compared.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

_A, _B = "sha256:" + "a1" * 32, "sha256:" + "0f" * 32
_GATES: Final = (
    ("perplexity.ratio", ("<= 1.10", "< 110 %", "in [ 0.9 , 1.1 ]", "in ( 0.95 , 105 % ]")),
    ('perplexity.ratio on "code"', ("<= 1.15", "<= 115 %")),
    ("perplexity.ratio.point", ("<= 1.2",)),
    ("perplexity.drift", ("in [ 0.95 , 1.05 ]", "in ( 0.9 , 1.1 )")),
    ("perplexity.tail.p95", ("<= 0.20 nats", "< 0.2")),
    ("kl.mean", ("<= 0.05 nats", "<= 0.05")),
    ('kl.mean on "a longer name of a slice, with # in it"', ("<= 0.05 nats",)),
    ("delta_p.mean", (">= -1 pp",)),
    ("top1.agreement", (">= 97 %", "> 0.9")),
    ("invariants.non_finite", ("== 0", "< 5")),
    ("spectral.shift on each family", ("<= 0.1 nats",)),
    ("windows.final", (">= 180", ">= 1_80 windows")),
    ("windows.tokens", (">= 50_000 tokens",)),
    ("tokenizer.same", ("== yes", "in { yes }")),
    ("runtime.isolation", ("in { sandbox , host }", "== sandbox", "in { sandbox }")),
    ("runtime.network", ("== off",)),
    ("data.digest", (f"in {{ {_A} }}", f"in {{ {_A} , {_B} }}", f"== {_B}")),
)
_SETTINGS: Final = {
    "windows": ("schedule = baseline", "length = 128 tokens", "length = 1_024"),
    "estimate": ("confidence = 95 %", "seed = 11", "interval = bca", "resample = document"),
}
_NONSENSE: Final = (
    "nonsense = { a : 1 , b : 2 }",
    "nonsense = { }",
    'list = { "x" , y.z , -4.5 nats }',
    "require nothing.known in { }",
    'expect fail because a.b on "c"',
    "given a.b on each c = 1 in ( 0 , 2 ]",
)
_COMMENTS: Final = ("#", "# why", "#tight", "# { not ; a = block", "#\tα → ω  ", "# lint: x, y")


@dataclass(frozen=True)
class Generated:
    """A policy, and its comments in order."""

    text: str
    comments: tuple[str, ...]


def generate(seed: int) -> Generated:
    """The policy of ``seed``; the same on every platform."""
    return _Generator(random.Random(seed)).policy()  # noqa: S311 - layouts, no secrets


class _Generator:
    def __init__(self, source: random.Random) -> None:
        self.random = source
        self.out: list[str] = []
        self.comments: list[str] = []
        self.end = source.choice(["\n", "\n", "\n", "\r\n"])
        self.noise = source.choice([0.0, 0.1, 0.4])
        self.nonsense = source.random() < 0.25

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def policy(self) -> Generated:
        if self.chance(0.3):
            self.newlines()
        self.statement("invar 1")
        self.separator()
        self.statement('policy sample "1.0.0"')
        self.separator()
        self.statement("task = causal_lm")
        self.separator()
        if self.chance(0.5):
            self.statement('about = "what # it is; for"')
            self.separator()
        if self.chance(0.6):
            self.settings_blocks()
        self.gates(6)
        for name in ("alpha", "beta", "gamma")[: self.random.randint(1, 3)]:
            self.block(f"tier {name}", least=1)
        if self.chance(0.4):
            self.block("profile ci", least=0)
        if self.chance(0.4):
            self.case()
        if self.chance(0.3):
            self.comment(last=True)
        return Generated("".join(self.out), tuple(self.comments))

    def settings_blocks(self) -> None:
        for prefix, choices in _SETTINGS.items():
            self.tokens(f"{prefix} {{")
            if self.chance(0.5):
                self.newlines()
            self.tokens(self.random.choice(choices))
            if self.chance(0.5):
                self.separator()
            self.tokens("}")
            self.separator()

    def gates(self, most: int, least: int = 0) -> None:
        number = self.random.randint(least, most)
        for subject, relations in self.random.sample(_GATES, number):
            required = least or self.chance(0.7)
            least = 0
            level = "require" if required else "warn"
            self.statement(f"{level} {subject} {self.random.choice(relations)}")
            self.separator()
            if self.nonsense and self.chance(0.2):
                self.statement(self.random.choice(_NONSENSE))
                self.separator()

    def block(self, head: str, *, least: int) -> None:
        self.tokens(f"{head} {{")
        if self.chance(0.7):
            self.newlines()
        self.gates(4, least)
        self.tokens("}")
        self.separator()

    def case(self) -> None:
        self.tokens('test "of { something" {')
        self.statement("tier = alpha")
        self.separator()
        if self.nonsense:
            self.statement("given kl.mean = 0.1 nats in [ 0 , 1 nats ]")
            self.separator()
        self.statement("expect pass")
        if self.chance(0.5):
            self.separator()
        self.tokens("}")
        self.separator()

    # --- characters ---------------------------------------------------------------------------

    def statement(self, text: str) -> None:
        self.tokens(text)

    def tokens(self, text: str) -> None:
        """Words of ``text`` with random blanks; inside sets and maps also with line ends."""
        in_set = False
        words = _words(text)
        for place, word in enumerate(words):
            opens = word == "{" and place > 0 and words[place - 1] in {"in", "="}
            if in_set and word not in {":", "{"} and words[place - 1] not in {":", ","}:
                self.maybe_newlines(unit=word)
            self.blank(word)
            self.out.append(word)
            in_set = (in_set or opens) and word != "}"
            if in_set and word in {"{", ","}:
                self.maybe_newlines()

    def maybe_newlines(self, unit: str = "") -> None:
        if unit not in {"nats", "%"} and self.chance(self.noise):
            self.newlines()

    def blank(self, word: str) -> None:
        last = self.out[-1][-1:] if self.out else "\n"
        needed = (last.isalnum() or last in "_.") and (word[0].isalnum() or word[0] in "_.")
        blanks = [" ", " ", "  ", "\t", " \t "]
        self.out.append(self.random.choice(blanks if needed else ["", *blanks]))

    def separator(self) -> None:
        if self.chance(0.15):
            self.out.append(self.random.choice([";", " ; ", ";;"]))
            return
        if self.chance(0.1):
            self.out.append(" ;")
        self.newlines()

    def newlines(self) -> None:
        """One or more line ends, with comments before and among them."""
        for _ in range(self.random.choice([1, 1, 1, 2, 3])):
            if self.chance(self.noise):
                self.comment()
            self.out.append(self.end + self.random.choice(["", "", "  ", "\t"]))
        if self.comments and self.chance(self.noise / 2):
            self.continuation()

    def comment(self, *, last: bool = False) -> None:
        text = self.random.choice(_COMMENTS)
        self.comments.append(text.rstrip())
        self.out.append(self.random.choice(["", " ", "\t", "     "]) + text)
        if last and self.chance(0.5):
            self.out.append(self.end)

    def continuation(self) -> None:
        """A comment right under the last one, where that ends the line above."""
        above = "".join(self.out).rsplit("\n", 2)[-2:]
        if len(above) == 2 and "#" in above[0] and '"' not in above[0]:
            self.comments.append("# goes on")
            padding = " " * max(0, above[0].index("#") - len(above[1]))
            self.out.append(f"{padding}# goes on{self.end}")


def _words(text: str) -> list[str]:
    """``text`` at its blanks, strings whole."""
    words: list[str] = []
    for place, part in enumerate(text.split('"')):
        words += [f'"{part}"'] if place % 2 else part.split()
    return words
