"""Local keys: made once, private, and of two kinds only."""

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from invarlock.attest.keys import KeyType, load_private, load_public, new_key, public_path
from invarlock.errors import EnvironmentFault, UsageFault

KINDS = list(KeyType)


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_key_signs_what_its_public_half_verifies(tmp_path: Path, kind: KeyType) -> None:
    made = new_key(tmp_path / "k", kind)
    private, public = load_private(tmp_path / "k"), load_public(tmp_path / "k.pub")
    assert made.fingerprint == private.public.fingerprint == public.fingerprint
    assert public.type is kind
    assert public.verify(private.sign(b"message"), b"message")
    assert not public.verify(private.sign(b"message"), b"massage")
    assert not public.verify(b"", b"message")


def test_the_private_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    new_key(tmp_path / "k")
    assert stat.S_IMODE((tmp_path / "k").stat().st_mode) == 0o600


@pytest.mark.parametrize("occupied", ["k", "k.pub"])
def test_nothing_is_overwritten_and_no_half_is_left(tmp_path: Path, occupied: str) -> None:
    (tmp_path / occupied).write_text("precious")
    with pytest.raises(UsageFault) as caught:
        new_key(tmp_path / "k")
    assert caught.value.code == "E702"
    assert [p.name for p in tmp_path.iterdir()] == [occupied]
    assert (tmp_path / occupied).read_text() == "precious"


def test_an_absent_folder_is_made_for_the_owner_alone(tmp_path: Path) -> None:
    new_key(tmp_path / "keys" / "k")
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert load_public(tmp_path / "keys" / "k.pub").type is KeyType.P256


def test_a_folder_that_cannot_be_made_is_the_environments_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(EnvironmentFault) as caught:
        new_key(tmp_path / "file" / "k")
    assert caught.value.code == "E603"


def test_each_side_is_told_where_its_absent_key_comes_from(tmp_path: Path) -> None:
    for load, remedy in ((load_private, "invarlock key new"), (load_public, "producer's public")):
        with pytest.raises(EnvironmentFault) as caught:
            load(tmp_path / "none")
        assert caught.value.code == "E601"
        assert remedy in caught.value.hint


def _private_pem(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, password: bytes = b""
) -> bytes:
    protection = ser.BestAvailableEncryption(password) if password else ser.NoEncryption()
    return key.private_bytes(ser.Encoding.PEM, ser.PrivateFormat.PKCS8, protection)


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP256K1()),
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
    ],
    ids=["p384", "secp256k1", "rsa"],
)
def test_other_kinds_are_refused(
    tmp_path: Path, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
) -> None:
    (tmp_path / "k").write_bytes(_private_pem(key))
    (tmp_path / "k.pub").write_bytes(
        key.public_key().public_bytes(ser.Encoding.PEM, ser.PublicFormat.SubjectPublicKeyInfo)
    )
    for load in (lambda: load_private(tmp_path / "k"), lambda: load_public(tmp_path / "k.pub")):
        with pytest.raises(UsageFault, match="neither P-256 nor Ed25519") as caught:
            load()
        assert caught.value.code == "E703"


@pytest.mark.parametrize(
    "text", [b"", b"junk", b"-----BEGIN PRIVATE KEY-----\nAAAA\n", b"\xff" * 70_000]
)
def test_junk_is_no_key(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "k").write_bytes(text)
    for load in (load_private, load_public):
        with pytest.raises(UsageFault) as caught:
            load(tmp_path / "k")
        assert caught.value.code == "E703"


def test_a_private_key_an_encrypted_one_and_a_certificate_are_told_apart(tmp_path: Path) -> None:
    new_key(tmp_path / "k")
    with pytest.raises(UsageFault, match="is a private key"):
        load_public(tmp_path / "k")
    with pytest.raises(UsageFault, match="holds no private key"):
        load_private(public_path(tmp_path / "k"))
    (tmp_path / "e").write_bytes(_private_pem(ec.generate_private_key(ec.SECP256R1()), b"secret"))
    with pytest.raises(UsageFault, match="is encrypted"):
        load_private(tmp_path / "e")
    (tmp_path / "c").write_bytes(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    with pytest.raises(UsageFault, match="is a certificate"):
        load_public(tmp_path / "c")
