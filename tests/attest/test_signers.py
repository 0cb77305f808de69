"""What `attest --key` may name: files, encrypted ones too, and keys in a PKCS #11 token."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from invarlock.attest.bundle import parse_bundle
from invarlock.attest.keys import KeyType, load_private, new_key
from invarlock.attest.signers import SCHEMES, KeySigning, key_path, open_signer
from invarlock.canonical import canonical_bytes
from invarlock.errors import InvarlockError
from invarlock.judge.report import build_report
from tests.builders import Synthetic, report_inputs
from tests.conftest import ROOT, run_invarlock
from tests.js_verify.conftest import MAJORS, run_verifier
from tests.js_verify.test_key_bundles import openssl_accepts

VARIABLE = "INVARLOCK_KEY_PASSPHRASE"
PASSPHRASE = "correct horse"


@pytest.fixture(autouse=True)
def no_passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    report = build_report(report_inputs(Synthetic().edited()))
    (folder / "evaluation.report.json").write_bytes(canonical_bytes(report.model_dump(mode="json")))
    return folder


def test_a_path_a_file_uri_and_a_signer_uri_are_told_apart() -> None:
    for uri, path in {
        "key": "key",
        "./a:b": "./a:b",
        "a b:c": "a b:c",
        "file:key": "key",
        "file:/etc/key": "/etc/key",
        "file:///etc/key": "/etc/key",
    }.items():
        assert key_path(uri) == Path(path)
    for scheme in SCHEMES:
        assert key_path(f"{scheme}:x") is None


@pytest.mark.parametrize("uri", ["gnupg:abc", "pkcs11:token=t", "FILE2:key", "https://x/key"])
def test_a_scheme_that_is_not_known_is_no_file_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvarlockError) as caught:
        open_signer(KeySigning(uri))
    assert caught.value.code == "E701"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("scheme", sorted(set(SCHEMES) - {"hsm"}))
def test_a_service_needs_its_public_key_and_its_library(tmp_path: Path, scheme: str) -> None:
    with pytest.raises(InvarlockError, match="needs its public key") as caught:
        open_signer(KeySigning(f"{scheme}:key/1"))
    assert caught.value.code == "E701"
    new_key(tmp_path / "k")
    signer, made = open_signer(KeySigning(f"{scheme}:key/1", tmp_path / "k.pub"))
    assert not made
    with pytest.raises(InvarlockError) as caught:
        signer.sign(b"message")
    assert caught.value.code == "E605"
    assert f"securesystemslib[{'vault' if scheme == 'hv' else scheme}]" in caught.value.hint


def test_without_the_extra_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_key(tmp_path / "k")
    monkeypatch.setitem(sys.modules, "securesystemslib.signer", None)
    with pytest.raises(InvarlockError) as caught:
        open_signer(KeySigning("hsm:2", tmp_path / "k.pub"))[0].sign(b"message")
    assert caught.value.code == "E605"
    assert "invarlock[advanced]" in caught.value.hint


def test_a_public_key_beside_a_file_must_be_its_own(tmp_path: Path) -> None:
    for name in ("k", "other"):
        new_key(tmp_path / name)
    open_signer(KeySigning(str(tmp_path / "k"), tmp_path / "k.pub"))
    with pytest.raises(InvarlockError, match="is not that of") as caught:
        open_signer(KeySigning(str(tmp_path / "k"), tmp_path / "other.pub"))
    assert caught.value.code == "E703"
    with pytest.raises(InvarlockError) as caught:
        open_signer(KeySigning(str(tmp_path / "absent"), tmp_path / "k.pub"))
    assert caught.value.code == "E601"
    assert not (tmp_path / "absent").exists()


# Encrypted keys


@pytest.mark.parametrize("kind", list(KeyType))
def test_a_passphrase_opens_an_encrypted_key(tmp_path: Path, kind: KeyType) -> None:
    public = new_key(tmp_path / "k", kind, PASSPHRASE)
    asked: list[str] = []

    def tell(what: str) -> str:
        asked.append(what)
        return PASSPHRASE

    assert load_private(tmp_path / "k", tell).public.fingerprint == public.fingerprint
    assert asked == [f"passphrase of `{tmp_path / 'k'}`"]
    for wrong, said in (("", "is empty"), ("incorrect", "does not open")):
        with pytest.raises(InvarlockError, match=said) as caught:
            load_private(tmp_path / "k", lambda _, wrong=wrong: wrong)  # type: ignore[misc]
        assert caught.value.code == "E703"


def test_openssl_reads_our_encrypted_key_and_we_read_one_of_its(tmp_path: Path) -> None:
    made = new_key(tmp_path / "k", passphrase=PASSPHRASE)
    word = f"pass:{PASSPHRASE}"
    ours = ["pkey", "-in", "k", "-passin", word, "-pubout"]
    shown = subprocess.run(["openssl", *ours], cwd=tmp_path, capture_output=True, check=True)
    assert shown.stdout == (tmp_path / "k.pub").read_bytes()
    harder = ["pkcs8", "-topk8", "-scrypt", "-in", "k", "-passin", word]
    harder += ["-out", "scrypt", "-passout", word]
    subprocess.run(["openssl", *harder], cwd=tmp_path, capture_output=True, check=True)
    opened = load_private(tmp_path / "scrypt", lambda _: PASSPHRASE)
    assert opened.public.fingerprint == made.fingerprint


def test_the_environment_gives_the_passphrase(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, out = tmp_path / "k", tmp_path / "bundle"
    monkeypatch.setenv(VARIABLE, PASSPHRASE)
    made = run_invarlock("key", "new", key, "--encrypt", "--type", "ed25519")
    assert made.returncode == 0, made.stderr
    assert b"ENCRYPTED PRIVATE KEY" in key.read_bytes()
    done = run_invarlock("attest", run, "--key", key, "--out", out)
    assert done.returncode == 0, done.stderr
    assert PASSPHRASE not in made.stdout + made.stderr + done.stdout + done.stderr
    out.unlink()
    for given, code in (("wrong", "E703"), (None, "E703"), ("", "E703")):
        if given is None:
            monkeypatch.delenv(VARIABLE)
        else:
            monkeypatch.setenv(VARIABLE, given)
        done = run_invarlock("attest", run, "--key", key, "--out", out)
        assert done.returncode == 2
        assert f"[INVARLOCK:{code}]" in done.stderr
        assert not out.exists()


def _on_a_terminal(answers: list[str], *args: object) -> tuple[int, str]:
    """Exit code and all output of a command whose terminal is answered line by line."""
    terminal, inner = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "invarlock", *map(str, args)],
        stdin=inner,
        stdout=inner,
        stderr=inner,
        start_new_session=True,
        cwd=ROOT,
    )
    os.close(inner)
    shown = b""
    for answer in answers:
        while not shown.rstrip(b" ").endswith(b":"):
            more = _more(terminal)
            assert more, shown
            shown += more
        os.write(terminal, answer.encode() + b"\n")
        shown += b"\n"
    while more := _more(terminal):
        shown += more
    os.close(terminal)
    return child.wait(timeout=60), shown.decode()


def _more(terminal: int) -> bytes:
    """What the command writes next; nothing once it has ended."""
    assert select.select([terminal], [], [], 120)[0], "the command waits for an answer"
    try:
        return os.read(terminal, 1024)
    except OSError:  # the other end is closed
        return b""


def test_a_terminal_is_asked_for_the_passphrase_and_does_not_show_it(
    run: Path, tmp_path: Path
) -> None:
    key, out = tmp_path / "k", tmp_path / "bundle"
    code, shown = _on_a_terminal([PASSPHRASE, PASSPHRASE], "key", "new", key, "--encrypt")
    assert code == 0, shown
    for answer, expected in (("wrong", 2), (PASSPHRASE, 0)):
        # two bundles are signed, and the passphrase is asked for once
        words = ["attest", run, "--key", key, "--out", out, "--companion", "test-result"]
        code, shown = _on_a_terminal([answer], *words)
        assert code == expected, shown
        assert ("E703" in shown) is (expected == 2)
        assert "passphrase of" in shown
        assert answer not in shown
        assert out.exists() is (expected == 0)


# A token


@dataclass(frozen=True)
class Token:
    """A SoftHSM token with P-256 under id 2 and P-384 under id 3, made inside it."""

    uri: str
    pin: str


MAKE_KEYS = """
import pkcs11
from pkcs11 import Attribute, KeyType
from pkcs11.util.ec import encode_named_curve_parameters
import sys
token = pkcs11.lib(sys.argv[1]).get_token(token_label="release keys")
with token.open(rw=True, user_pin="8642") as session:
    for id, curve in ((b"\\2", "secp256r1"), (b"\\3", "secp384r1"), (b"\\4", "secp256r1")):
        parameters = {Attribute.EC_PARAMS: encode_named_curve_parameters(curve)}
        domain = session.create_domain_parameters(KeyType.EC, parameters, local=True)
        domain.generate_keypair(store=True, id=id, label=curve)
"""


def _softhsm() -> Path:
    for place in ("/usr/lib/softhsm", "/usr/lib64/softhsm", "/usr/lib/x86_64-linux-gnu/softhsm"):
        if (library := Path(place) / "libsofthsm2.so").exists():
            return library
    raise AssertionError("SoftHSM is part of the test machine")


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Token]:
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    configuration = folder / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {folder / 'tokens'}\nlog.level = ERROR\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(configuration))
        patch.setenv("PYKCS11LIB", str(_softhsm()))
        how = ["--init-token", "--free", "--label", "release keys", "--pin", "8642"]
        subprocess.run(["softhsm2-util", *how, "--so-pin", "1357"], check=True, capture_output=True)
        subprocess.run([sys.executable, "-c", MAKE_KEYS, _softhsm()], check=True)
        yield Token("hsm:2?label=release+keys", "8642")


@pytest.fixture
def public(token: Token, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The public half of the token's key, taken from the token in a process of its own."""
    export = "import sys; from securesystemslib.signer import HSMSigner as h; "
    export += "sys.stdout.write(h.import_(2)[1].keyval['public'])"
    shown = subprocess.run([sys.executable, "-c", export], check=True, capture_output=True)
    (tmp_path / "token.pub").write_bytes(shown.stdout)
    return tmp_path / "token.pub"


@pytest.mark.npm
@pytest.mark.parametrize("named", [True, False], ids=["public key named", "public key exported"])
def test_a_token_signs_what_all_verifiers_accept(
    run: Path,
    token: Token,
    public: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    named: bool,
) -> None:
    monkeypatch.setenv(VARIABLE, token.pin)
    out = tmp_path / "bundle"
    more = ["--public-key", public] if named else []
    done = run_invarlock("attest", run, "--key", token.uri, *more, "--out", out)
    assert done.returncode == 0, done.stderr
    assert token.pin not in done.stdout + done.stderr
    signed = run_invarlock("verify", out, "--key", public, "--level", "signed", "--format", "json")
    assert '"signed":"reached"' in signed.stdout.replace(" ", "").replace("\n", ""), signed.stdout
    assert openssl_accepts(parse_bundle(out.read_bytes()), "p256", public, tmp_path)
    for major in MAJORS:
        assert run_verifier(major, out, "--key", public).returncode == 0


REFUSALS = {
    "a wrong PIN": ("hsm:2", "1111", "E703", "PinIncorrect"),
    "no PIN": ("hsm:2", None, "E703", "pin is needed"),
    "an absent key": ("hsm:9", "8642", "E703", "could not find"),
    "an absent token": ("hsm:2?label=none", "8642", "E703", "none"),
    "an id that is no number": ("hsm:two", "8642", "E703", "two"),
    "another curve": ("hsm:3", "8642", "E703", "neither P-256 nor Ed25519"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_a_token_refuses_is_told(
    run: Path, token: Token, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    uri, pin, code, said = REFUSALS[name]
    if pin is not None:
        monkeypatch.setenv(VARIABLE, pin)
    out = tmp_path / "bundle"
    done = run_invarlock("attest", run, "--key", uri, "--out", out)
    assert done.returncode == 2, done.stderr
    assert f"[INVARLOCK:{code}]" in done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not out.exists()


def test_a_signature_by_another_key_than_the_one_named_is_not_published(
    run: Path, token: Token, public: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, token.pin)
    out = tmp_path / "bundle"
    done = run_invarlock("attest", run, "--key", "hsm:4", "--public-key", public, "--out", out)
    assert done.returncode == 2
    assert "does not verify under" in done.stderr
    assert not out.exists()


@pytest.mark.parametrize("library", ["", "/none.so"])
def test_a_token_needs_its_library(
    run: Path, token: Token, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    monkeypatch.setenv(VARIABLE, token.pin)
    monkeypatch.setenv("PYKCS11LIB", library)
    done = run_invarlock("attest", run, "--key", "hsm:2", "--out", tmp_path / "bundle")
    assert done.returncode == 2
    assert "[INVARLOCK:E703]" in done.stderr
    assert "PYKCS11LIB" in done.stderr


# --dry-run


def test_a_dry_run_shows_what_would_be_signed_and_does_nothing(run: Path, tmp_path: Path) -> None:
    before = sorted(run.iterdir())
    key, out = tmp_path / "k", tmp_path / "bundle"
    shown = run_invarlock("attest", run, "--key", key, "--out", out, "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert not list(tmp_path.iterdir())
    assert sorted(run.iterdir()) == before
    assert run_invarlock("attest", run, "--dry-run").stdout == shown.stdout
    done = run_invarlock("attest", run, "--key", key, "--out", out)
    assert done.returncode == 0, done.stderr
    assert parse_bundle(out.read_bytes()).payload == shown.stdout.encode()


def test_a_dry_run_refuses_what_attest_refuses(tmp_path: Path) -> None:
    for report, code in ((None, "E601"), (b"{}", "E405")):
        if report is not None:
            (tmp_path / "evaluation.report.json").write_bytes(report)
        shown = run_invarlock("attest", tmp_path, "--dry-run")
        assert f"[INVARLOCK:{code}]" in shown.stderr
        assert not shown.stdout
