"""Where `policy compare` finds its two sides: policies, git revisions, IR files, attestations."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, Literal

from invarlock.errors import UsageFault
from invarlock.judge.sources import INCLUDE_FOLDER, SOURCE_FILE
from invarlock.policy import Compiled, compile_policy, parse_reference
from invarlock.policy.compare.document import MAX_BYTES, parse_ir
from invarlock.policy.diagnostics import printable, shown
from invarlock.policy.ir import BarIR, PolicyIR
from invarlock.policy.reference import PolicyReference, include_reader, read_source
from invarlock.present.policy_compare import Place, Places

_VERSION: Final = re.compile(rb"\A\s*(#[^\n]*\n\s*)*+invar[ \t]")

_FILE: Final = ("./", "../", "/")
"""How a name begins that is a file's whatever else it holds: no revision does."""

Kind = Literal["policy", "git", "ir", "attestation"]


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison: a policy, or bars that came without one.

    ``bar`` is the one that is meant; ``None`` means all. ``places`` tells, for each bar, where
    its gates are written, if a source was at hand.
    """

    name: str
    kind: Kind
    bars: Mapping[str, BarIR]
    bar: str | None = None
    policy: PolicyIR | None = None
    places: Mapping[str, Places] = field(default_factory=dict)


def open_side(text: str) -> Side:
    """Read what ``text`` names: ``F``, ``F#BAR``, ``REV:PATH``, ``REV:PATH#BAR``, an IR file, a
    run's folder, or a bundle in it. A file whose name holds a colon is written ``./F``.

    Raises :class:`UsageFault` (E134 for what is none of these, E107 for an unknown bar, the
    diagnostics of a policy), :class:`EnvironmentFault` for what cannot be read, and
    :class:`VerificationFault` for an attestation that does not fit its run.
    """
    reference = parse_reference(text)
    path = reference.path
    revision, colon, inside = text.partition(":")
    if colon and revision and inside and not revision.startswith(_FILE):
        _not_shadowed(path)
        return _revision_side(reference, revision, str(path).partition(":")[2])
    if path.is_dir():
        return _run_side(reference, path)
    data = read_source(path, MAX_BYTES)
    if _is_json(data):
        return _document_side(reference, data)
    name = printable(str(path))
    _check_policy(data, name)
    # Not read again: it may be a pipe, and what was looked at is what is compared.
    compiled = compile_policy(data, filename=name, includes=include_reader(path.parent))
    return _policy_side(reference, compiled, "policy", name, "")


def _not_shadowed(path: Path) -> None:
    """Refuse to guess: a change under review may add a file that is named like a revision."""
    if os.path.lexists(path):
        name = shown(str(path))
        message = f"cannot compare: `{name}` names a git revision, and a file here has that name"
        raise UsageFault("E134", message, f"write `./{name}` for the file, or remove it")


def _is_json(data: bytes) -> bool:
    return data.lstrip()[:1] == b"{"


def _check_policy(data: bytes, name: str) -> None:
    """Refuse what is no attempt at a policy in one line instead of with a page of errors."""
    if not name.endswith(".invar") and _VERSION.search(data) is None:
        hint = "name a policy, an IR that `policy compile` wrote, or an attestation"
        raise UsageFault("E134", f"cannot compare: `{name}` does not begin with `invar 1`", hint)


def _policy_side(
    reference: PolicyReference, compiled: Compiled, kind: Kind, file: str, revision: str
) -> Side:
    """A policy whose source is ``file``, in the git revision ``revision`` if that is not empty."""
    bar = None
    if reference.tier is not None:
        bar, _ = compiled.bar(reference.tier, reference.profile)
    places = {name: _places(compiled, name, file, revision) for name in compiled.ir.bars}
    label = printable(str(reference.path))
    return Side(label, kind, compiled.ir.bars, bar, compiled.ir, places)


def _places(compiled: Compiled, bar: str, file: str, revision: str) -> Places:
    """Where gates and settings stand: in ``file``, or in one that it includes."""
    spans = {**compiled.spans[bar], **compiled.setting_spans.get(bar, {})}
    folder = posixpath.dirname(file)
    files = {span.file: posixpath.join(folder, span.file) for span in spans.values()} | {"": file}
    return {
        key: Place(f"{revision}:{name}" if revision else name, name, span)
        for key, span in spans.items()
        for name in (files[span.file],)
    }


def _places_in_run(compiled: Compiled, bar: str, folder: Path) -> Places:
    spans = {**compiled.spans[bar], **compiled.setting_spans.get(bar, {})}
    names = {
        file: printable(str(folder / (INCLUDE_FOLDER + file if file else SOURCE_FILE)))
        for file in {span.file for span in spans.values()}
    }
    return {key: Place(names[s.file], names[s.file], s) for key, s in spans.items()}


def _revision_side(reference: PolicyReference, revision: str, path: str) -> Side:
    from invarlock.authoring.revision import open_revision

    opened = open_revision(revision)
    data = opened.read(path, MAX_BYTES)
    label = printable(str(reference.path))
    if _is_json(data):
        return _document_side(reference, data)
    _check_policy(data, label)
    reader = partial(opened.beside, path)
    compiled = compile_policy(data, filename=label, includes=reader)
    return _policy_side(reference, compiled, "git", printable(path), printable(revision))


def _document_side(reference: PolicyReference, data: bytes) -> Side:
    """An IR file, or the bundle of a run."""
    name = printable(str(reference.path))
    found = parse_ir(data, name)
    if found is None:
        return _run_side(reference, reference.path.parent, bundle=data)
    if isinstance(found, BarIR):
        _same_bar(reference, name, "")
        return Side(name, "ir", {"": found}, "")
    bar = _named(reference)
    if bar is not None and bar not in found.bars:
        names = ", ".join(f"`{known}`" for known in sorted(found.bars)[:20])
        message = f"`{name}` holds no bar `{shown(bar)}`"
        raise UsageFault("E107", message, f"name one: {names}")
    return Side(name, "ir", found.bars, bar, found)


def _run_side(reference: PolicyReference, folder: Path, bundle: bytes | None = None) -> Side:
    """The bar that a run was judged under; its bundle, if that is named, must be of this run."""
    from invarlock.cli.policy.attested import attested_bar

    found = attested_bar(folder, bundle)
    label = printable(str(reference.path))
    _same_bar(reference, label, found.name)
    places: dict[str, Places] = {}
    if found.policy is not None:
        places = {found.name: _places_in_run(found.policy, found.name, folder)}
    return Side(label, "attestation", {found.name: found.bar}, found.name, places=places)


def _named(reference: PolicyReference) -> str | None:
    if reference.tier is None:
        return None
    profile = "" if reference.profile is None else f"+{reference.profile}"
    return f"{reference.tier}{profile}"


def _same_bar(reference: PolicyReference, name: str, bar: str) -> None:
    """Refuse to take the one bar there is for another that was named."""
    wanted = _named(reference)
    if wanted is not None and wanted != bar:
        there = f"is of the bar `{bar}`" if bar else "is one bar, which has no name"
        raise UsageFault("E107", f"`{name}` {there}", "leave out what follows `#`")
