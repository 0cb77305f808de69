"""Every place where two documents differ is named."""

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from invarlock.canonical import Json
from invarlock.verify.differences import ABSENT, differences

LEAVES = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3)
DOCUMENTS = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(DOCUMENTS)
def test_a_document_does_not_differ_from_itself(document: Json) -> None:
    assert list(differences(document, copy.deepcopy(document))) == []


def _same(a: Any, b: Any) -> bool:
    """Equality that tells ``1`` from ``true``."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(_same, a, b))
    return bool(a == b)


@given(DOCUMENTS, DOCUMENTS)
def test_documents_that_differ_are_told_apart(one: Json, other: Json) -> None:
    assert bool(list(differences(one, other))) is not _same(one, other)


def test_all_differing_paths_are_named() -> None:
    signed: Json = {"a": {"b": [1, 2, 3], "c": "x"}, "d": True, "e": None}
    again: Json = {"a": {"b": [1, 9], "c": "y"}, "d": 1, "f": [0]}
    assert list(differences(signed, again)) == [
        ("a.b[1]", "2", "9"),
        ("a.b[2]", "3", ABSENT),
        ("a.c", '"x"', '"y"'),
        ("d", "true", "1"),
        ("e", "null", ABSENT),
        ("f", ABSENT, "list of 1"),
    ]
