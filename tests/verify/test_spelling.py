"""A bundle's fields by other names, which Sigstore's client reads, and times that are none."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sigstore.models import Bundle

from tests.sigstore_double import GitHub, SigstoreDouble
from tests.sigstore_double.tokens import GITHUB
from tests.verify.certified import Certified, Document, codes, make_certified

RELEASE = GitHub()
BY_NAME = ("--identity", RELEASE.identity, "--issuer", GITHUB)
PARTS = ("certificateAuthorities", "tlogs", "ctlogs")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, sigstore_double: SigstoreDouble) -> Certified:
    return make_certified(tmp_path_factory.mktemp("spelt"), sigstore_double)


@pytest.fixture(scope="module")
def bundles(desk: Certified) -> dict[int, Path]:
    """With a log's time alone, and with a timestamp alone."""
    return {1: desk.sign(RELEASE, 1, stamped=False), 2: desk.sign(RELEASE, 2)}


def snake(name: str) -> str:
    return re.sub("([A-Z])", lambda found: "_" + found[1].lower(), name)


def named(node: Any) -> Iterator[tuple[Document, str]]:
    """Every object in ``node`` with each of its names that has another spelling."""
    if isinstance(node, dict):
        yield from ((node, name) for name in list(node) if snake(name) != name)
    for one in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from named(one)


def retired(desk: Certified, path: Path, part: str) -> Path:
    """A root in which ``part`` was given up an hour ago."""
    end = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    document = desk.double.trusted_root
    for item in document[part]:
        item.get("publicKey", item)["validFor"]["end"] = end
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize("rekor", [1, 2])
def test_a_field_by_its_other_name_is_refused_under_any_root(
    desk: Certified, bundles: dict[int, Path], tmp_path: Path, rekor: int
) -> None:
    """The client takes each of them, which once hid the time from the check of the root."""
    material = json.loads(bundles[rekor].read_bytes())["verificationMaterial"]
    places = len(list(named(material)))
    assert places > 8
    old = retired(desk, tmp_path / "old.json", "certificateAuthorities")
    for at in range(places):

        def rename(document: Document, at: int = at) -> None:
            node, name = list(named(document["verificationMaterial"]))[at]
            node[snake(name)] = node.pop(name)

        changed = desk.changed(bundles[rekor], rename)
        Bundle.from_json(changed.read_bytes())
        for root in (None, old):
            status, answer = desk.verify(changed, *BY_NAME, root=root)
            assert (status, codes(answer)) == (4, ["E405"])
            assert "is no name of a Sigstore bundle" in answer["findings"][0]["what"]
    assert desk.verify(bundles[rekor], *BY_NAME)[0] == 0


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("rekor", [1, 2])
def test_one_source_of_time_is_enough_to_know_what_was_given_up(
    desk: Certified, bundles: dict[int, Path], tmp_path: Path, rekor: int, part: str
) -> None:
    old = retired(desk, tmp_path / "old.json", part)
    status, answer = desk.verify(bundles[rekor], *BY_NAME, root=old)
    assert (status, codes(answer)) == (4, ["E421"])
    assert desk.verify(bundles[rekor], *BY_NAME)[0] == 0


def test_a_root_whose_ends_are_spelt_otherwise_is_none(
    desk: Certified, bundles: dict[int, Path], tmp_path: Path
) -> None:
    path = tmp_path / "root.json"
    document = desk.double.trusted_root
    path.write_text(json.dumps(document))
    assert desk.verify(bundles[1], *BY_NAME, root=path)[0] == 0
    for item in document["certificateAuthorities"]:
        item["valid_for"] = item.pop("validFor")
    path.write_text(json.dumps(document))
    status, answer = desk.verify(bundles[1], *BY_NAME, root=path)
    assert (status, codes(answer)) == (2, ["E701"])


SECONDS = (str(2**63), str(2**62), str(2**64 - 1), "253402300800", "-1", "1" + "0" * 5000)


@pytest.mark.parametrize("seconds", SECONDS, ids=lambda text: text[:20])
def test_a_time_that_is_none_is_refused(
    desk: Certified, bundles: dict[int, Path], seconds: str
) -> None:
    def later(text: str) -> Callable[[Document], object]:
        return lambda document: document["verificationMaterial"]["tlogEntries"][0].update(
            integratedTime=text
        )

    status, answer = desk.verify(desk.changed(bundles[1], later(seconds)), *BY_NAME)
    assert (status, codes(answer)) == (4, ["E405"])
    # The last second there is, is a time, and not the certificate's.
    status, answer = desk.verify(desk.changed(bundles[1], later("253402300799")), *BY_NAME)
    assert (status, codes(answer)) == (4, ["E422"])
