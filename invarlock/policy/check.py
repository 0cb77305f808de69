"""Syntax → checked policy: every statement against the catalogue, all errors collected."""

from __future__ import annotations

from typing import Final

from invarlock.policy.catalogue import TASKS
from invarlock.policy.check_case import check_case
from invarlock.policy.check_gate import check_gate
from invarlock.policy.check_include import check_include, warn_unused
from invarlock.policy.check_setting import check_setting
from invarlock.policy.check_signer import SignerTable
from invarlock.policy.check_task import check_task
from invarlock.policy.checked import (
    Case,
    Checked,
    PlacedGate,
    PlacedInclude,
    PlacedSetting,
    Scope,
)
from invarlock.policy.diagnostics import shown
from invarlock.policy.names import BLOCKS, PREFIXES, did_you_mean, one_of
from invarlock.policy.problems import Problem, Problems
from invarlock.policy.span import Span
from invarlock.policy.syntax import (
    Block,
    Expect,
    Gate,
    Given,
    Include,
    Setting,
    Source,
    Statement,
    Text,
    Word,
)

LANGUAGE: Final = 1
MAX_TIERS: Final = 16
MAX_PROFILES: Final = 8
MAX_CASES: Final = 1_000
"""Tests of one file."""
MAX_GATES: Final = 256
"""Gates of one block. With the two caps above, the bars of any file are bounded in number."""


def check(source: Source, problems: Problems) -> Checked | None:
    """The checked policy; ``None`` where its language version makes the rest meaningless.

    All errors go to ``problems``. The result is usable only if there are none.
    """
    version = source.version
    if version is not None and version.number != str(LANGUAGE):
        message = f"this is language version `{shown(version.number)}`"
        problems.add("E112", message, _mended_version(version.number), version.span)
        return None
    signers = SignerTable(source.body, problems)
    checker = _Checker(problems, source.span, signers)
    for statement in source.body:
        if problems.full:
            break
        checker.statement(statement)
    checker.finish(source)
    name, release = source.name, source.release
    if release is not None and not (release.text and release.text.isprintable()):
        problems.add("E103", "the policy's version is empty", 'write "1.0.0", say', release.span)
    return Checked(
        name="" if name is None else name.text,
        version="" if release is None else release.text,
        language=LANGUAGE,
        task=checker.task,
        about=checker.about,
        span=source.span if name is None else name.span,
        top=checker.top.scope(),
        tiers=checker.tiers,
        profiles=checker.profiles,
        cases=tuple(checker.cases),
        signers=signers.placed,
        includes=checker.includes,
    )


def _mended_version(number: str) -> str:
    """What to do about a language version that is not this one's."""
    if number.isdecimal() and number.lstrip("0") > str(LANGUAGE):
        # To relabel the file would give its words a meaning that they were not written for.
        return "it was written for a newer release: upgrade invarlock"
    return f"write `invar {LANGUAGE}`"


class _ScopeBuilder:
    """Collects the settings and gates of one block."""

    def __init__(self, name: str, span: Span, problems: Problems, signers: SignerTable) -> None:
        self.name, self.span, self.problems, self.signers = name, span, problems, signers
        self.refines: Word | None = None
        self.settings: dict[str, PlacedSetting] = {}
        self.gates: dict[str, PlacedGate] = {}

    def scope(self) -> Scope:
        return Scope(self.name, self.span, self.refines, self.settings, self.gates)

    def gate(self, statement: Gate) -> None:
        with self.problems.collecting():
            gate = check_gate(statement, self.signers)
            earlier = self.gates.get(gate.id)
            if earlier is not None:
                raise _twice(gate.id, statement.span, earlier.span)
            if len(self.gates) >= MAX_GATES:
                message = f"more than {MAX_GATES} gates in one block"
                raise Problem("E115", message, "split the policy", statement.span)
            self.gates[gate.id] = PlacedGate(gate, statement.span)

    def setting(self, statement: Setting, prefix: str = "") -> None:
        key = prefix + statement.name.text
        with self.problems.collecting():
            value = check_setting(key, statement)
            earlier = self.settings.get(key)
            if earlier is not None:
                raise _twice(key, statement.span, earlier.span)
            self.settings[key] = PlacedSetting(value, statement.span)

    def settings_block(self, block: Block) -> None:
        if block.label is not None or block.refines is not None:
            head = block.label or block.refines or block.kind
            message = f"a `{block.kind.text}` block has no label and refines nothing"
            self.problems.add("E101", message, f"write `{block.kind.text} {{ … }}`", head.span)
        for statement in block.body:
            if isinstance(statement, Setting):
                self.setting(statement, prefix=f"{block.kind.text}.")
            else:
                message = f"a `{block.kind.text}` block holds settings only"
                self.problems.add("E101", message, "move the statement out", statement.span)


class _Checker:
    def __init__(self, problems: Problems, span: Span, signers: SignerTable) -> None:
        self.problems, self.signers = problems, signers
        self.top = _ScopeBuilder("", span, problems, signers)
        self.tiers: dict[str, Scope] = {}
        self.profiles: dict[str, Scope] = {}
        self.cases: list[Case] = []
        self.tests: dict[str, Span] = {}
        self.includes: dict[str, PlacedInclude] = {}
        self.task = self.about = ""
        self.own: dict[str, Span] = {}

    def statement(self, statement: Statement) -> None:
        match statement:
            case Setting(name=Word(text="task" | "about")):
                with self.problems.collecting():
                    self.own_setting(statement)
            case Setting():
                self.top.setting(statement)
            case Gate():
                self.top.gate(statement)
            case Include():
                with self.problems.collecting():
                    placed = check_include(statement, statement.span.file, self.includes)
                    self.includes[placed.alias.text] = placed
            case Given() | Expect():
                self.misplaced(statement)
            case Block():
                self.block(statement)

    def own_setting(self, statement: Setting) -> None:
        name, value = statement.name.text, statement.value
        if name in self.own:
            raise _twice(name, statement.span, self.own[name])
        self.own[name] = statement.span
        if name == "about":
            if not isinstance(value, Text):
                message = "`about` is a text"
                raise Problem("E103", message, "write it in quotes", value.span)
            self.about = value.text
            return
        if not isinstance(value, Word):
            raise Problem("E103", "`task` is a word", f"write {one_of(TASKS)}", value.span)
        if value.text not in TASKS:
            hint = did_you_mean(value.text, TASKS, f"write {one_of(TASKS)}")
            raise Problem("E102", f"unknown task `{shown(value.text)}`", hint, value.span)
        self.task = value.text

    def misplaced(self, statement: Given | Expect) -> None:
        word = "given" if isinstance(statement, Given) else "expect"
        message = f"`{word}` outside a `test` block"
        self.problems.add("E101", message, "move it into one", statement.span)

    def block(self, block: Block) -> None:
        match block.kind.text:
            case "tier":
                self.named(block, self.tiers, MAX_TIERS)
            case "profile":
                self.named(block, self.profiles, MAX_PROFILES)
            case "test":
                with self.problems.collecting():
                    self.test(block)
            case "signer":
                pass  # in the table already: a gate may name a signer that stands below it
            case kind if kind in PREFIXES:
                self.top.settings_block(block)
            case "":
                self.scope("", block)  # its head is broken and reported: check what it holds
            case kind:
                hint = did_you_mean(kind, BLOCKS, f"write {one_of(BLOCKS)}")
                message = f"unknown block `{shown(kind)}`"
                self.problems.add("E102", message, hint, block.kind.span)

    def test(self, block: Block) -> None:
        case = check_case(block, self.signers, self.problems)
        if case is None:
            return
        earlier = self.tests.setdefault(case.name, case.span)
        if earlier is not case.span:
            message = f"the test `{shown(case.name)}` stands twice"
            raise Problem("E105", message, "rename one of the two", case.span, earlier)
        if len(self.cases) >= MAX_CASES:
            message = f"more than {MAX_CASES} of `test`"
            raise Problem("E115", message, "remove some, or split the policy", case.span)
        self.cases.append(case)

    def named(self, block: Block, table: dict[str, Scope], limit: int) -> None:
        kind, label = block.kind.text, block.label
        if not isinstance(label, Word) or "." in label.text:
            place = block.kind if label is None else label
            message = f"a `{kind}` needs a plain name"
            self.problems.add("E101", message, f"write `{kind} NAME {{ … }}`", place.span)
            self.scope("", block)
            return
        if kind == "profile" and block.refines is not None:
            message = "a profile refines nothing: it tightens whatever tier is chosen"
            self.problems.add("E101", message, "write its gates out", block.refines.span)
        scope = self.scope(label.text, block)
        if label.text in table:
            hint = "rename or merge one of the two"
            message = f"the {kind} `{shown(label.text)}` stands twice"
            self.problems.add("E105", message, hint, label.span, table[label.text].span)
        elif len(table) >= limit:
            message = f"more than {limit} of `{kind}`"
            self.problems.add("E115", message, "split the policy", label.span)
        else:
            table[label.text] = scope

    def scope(self, name: str, block: Block) -> Scope:
        place = block.kind if block.label is None else block.label
        builder = _ScopeBuilder(name, place.span, self.problems, self.signers)
        builder.refines = block.refines
        for statement in block.body:
            if self.problems.full:
                break
            match statement:
                case Setting():
                    builder.setting(statement)
                case Gate():
                    builder.gate(statement)
                case Block() if statement.kind.text in PREFIXES:
                    builder.settings_block(statement)
                case _:
                    place_name = f"a `{block.kind.text or 'broken'}` block"
                    message = f"{place_name} holds gates and settings only"
                    self.problems.add("E101", message, "move the statement out", statement.span)
        return builder.scope()

    def finish(self, source: Source) -> None:
        place = source.span if source.name is None else source.name.span
        if "task" not in self.own:
            self.problems.add("E111", "no `task`", f"add `task = {TASKS[0]}`", place)
        if self.task:
            scopes = (self.top.scope(), *self.tiers.values(), *self.profiles.values())
            check_task(self.task, scopes, self.problems)
        if not self.tiers:
            self.problems.add("E111", "no `tier`", "add `tier NAME { … }`", place)
        self.signers.warn_unused(self.problems)
        refined = {scope.refines.text for scope in self.tiers.values() if scope.refines}
        warn_unused(self.includes, refined, self.problems)


def _twice(key: str, span: Span, earlier: Span) -> Problem:
    message = f"`{shown(key)}` stands on line {earlier.line} already"
    return Problem("E105", message, "keep one of the two", span, earlier)
