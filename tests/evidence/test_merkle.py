"""The Merkle tree: the vectors of Certificate Transparency, and every proof against every lie."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invarlock.evidence.merkle import includes, inclusion_proof, merkle_root

# The test data of Certificate Transparency's reference implementation
# (certificate-transparency, merkletree/merkle_tree_test.py): leaves, then roots of 1 to 8 of them.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
PROOFS = {
    (0, 1): (),
    (0, 8): (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    (5, 8): (
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 3): ("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",),
    (1, 5): (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ),
}


@pytest.mark.parametrize("count", range(9))
def test_roots_are_those_of_certificate_transparency(count: int) -> None:
    assert merkle_root(LEAVES[:count]) == f"sha256:{ROOTS[count]}"


@pytest.mark.parametrize(("place", "wanted"), PROOFS.items())
def test_proofs_are_those_of_certificate_transparency(
    place: tuple[int, int], wanted: tuple[str, ...]
) -> None:
    position, count = place
    proof = inclusion_proof(LEAVES[:count], position)
    assert proof == tuple(f"sha256:{digest}" for digest in wanted)
    assert includes(f"sha256:{ROOTS[count]}", LEAVES[position], position, count, proof)


def test_the_shape_is_the_recursion_of_the_rfc() -> None:
    def mth(leaves: list[bytes]) -> bytes:
        if len(leaves) == 1:
            return hashlib.sha256(b"\x00" + leaves[0]).digest()
        split = max(1 << power for power in range(12) if 1 << power < len(leaves))
        return hashlib.sha256(b"\x01" + mth(leaves[:split]) + mth(leaves[split:])).digest()

    for count in range(1, 70):
        leaves = [bytes([number]) for number in range(count)]
        assert merkle_root(leaves) == f"sha256:{mth(leaves).hex()}"


@given(st.lists(st.binary(max_size=4), min_size=1, max_size=40), st.data())
def test_a_proof_shows_its_leaf_at_its_place_and_nothing_else(
    leaves: list[bytes], data: st.DataObject
) -> None:
    count = len(leaves)
    position = data.draw(st.integers(0, count - 1))
    root, proof = merkle_root(leaves), inclusion_proof(leaves, position)
    assert includes(root, leaves[position], position, count, proof)
    other = data.draw(st.binary(max_size=4))
    assert includes(root, other, position, count, proof) == (other == leaves[position])
    elsewhere = data.draw(st.integers(-1, count))
    if elsewhere != position:
        assert not includes(root, b"\xff" * 5, elsewhere, count, proof)
        assert not includes(root, leaves[position], elsewhere, count, proof) or (
            0 <= elsewhere < count and leaves[elsewhere] == leaves[position]
        )
    assert not includes(root, leaves[position], position, count, (*proof, root))
    if proof:
        assert not includes(root, leaves[position], position, count, proof[:-1])
        at = data.draw(st.integers(0, len(proof) - 1))
        flipped = [root if number == at else node for number, node in enumerate(proof)]
        assert not includes(root, leaves[position], position, count, flipped)


def test_an_inner_node_is_no_leaf() -> None:
    leaves = [b"a", b"b"]
    inner = b"".join(hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves)
    assert merkle_root([inner]) != merkle_root(leaves)


@pytest.mark.parametrize(
    "node", ["", "sha256:", "sha256:zz", "md5:" + "0" * 64, "sha256:" + "0" * 62]
)
def test_a_malformed_proof_shows_nothing(node: str) -> None:
    assert not includes(merkle_root([b"a", b"b"]), b"a", 0, 2, [node])


def test_there_is_no_proof_of_a_leaf_that_is_not_there() -> None:
    with pytest.raises(IndexError):
        inclusion_proof([b"a"], 1)
