"""Folders are hashed whole, sealed, and refused when anything in them is not a plain file."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import mmap
import os
import pickle
import socket
import stat
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invarlock.artifacts import descriptor
from invarlock.artifacts.descriptor import SEALS
from invarlock.artifacts.folder import (
    FileEntry,
    open_folder,
    root_digest,
    seal_bytes,
    seal_file,
    tree_of,
)
from invarlock.canonical import digest_bytes, digest_json
from invarlock.errors import EnvironmentFault, InvarlockError, SafetyRefusal
from tests.artifacts.models import good_file, safetensors, write_model

BLOB = "0123456789abcdef" * 4


def refusal(path: Path) -> InvarlockError:
    with pytest.raises(InvarlockError) as caught, open_folder(path):
        pass
    return caught.value


def test_a_good_folder_is_hashed_and_sealed(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m", README__md=b"hello", modeling__py=b"import os")
    with open_folder(model) as folder:
        assert [(f.path, f.loaded) for f in folder.files] == [
            ("README.md", False),
            ("config.json", True),
            ("model.safetensors", True),
            ("modeling.py", False),
        ]
        assert folder.bytes_binding == "sealed"
        assert set(folder.inputs("model")) == {"model/config.json", "model/model.safetensors"}
        for entry in folder.files:
            assert entry.digest == digest_bytes((model / entry.path).read_bytes())
        fd = folder.sealed["model.safetensors"]
        assert os.pread(fd, 1 << 20, 0) == good_file()
        assert tree_of(model) == (folder.root_digest, folder.files)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


def test_root_digest_is_of_path_size_and_hash() -> None:
    entry = FileEntry("a", 1, digest_bytes(b"x"), True)
    row = {"path": "a", "size": 1, "sha256": hashlib.sha256(b"x").hexdigest()}
    assert root_digest([entry]) == digest_json([row])


@given(
    st.dictionaries(
        st.text("abcé-._", min_size=1, max_size=6).filter(lambda n: n.strip(".")),
        st.integers(0, 9),
        max_size=6,
    )
)
def test_root_digest_depends_on_content_only(sizes: dict[str, int]) -> None:
    entries = [FileEntry(n, s, digest_bytes(b"x" * s), False) for n, s in sizes.items()]
    assert root_digest(entries) == root_digest(reversed(entries))
    renamed = [FileEntry(e.path + "2", e.size, e.digest, e.loaded) for e in entries]
    assert (root_digest(entries) == root_digest(renamed)) == (not entries)


def test_a_sealed_copy_cannot_change(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes(b"first")
    sealed = seal_file(path, 100)
    path.write_bytes(b"second")
    try:
        assert os.pread(sealed.fd, 100, 0) == b"first"
        assert (sealed.size, sealed.digest) == (5, digest_bytes(b"first"))
        assert fcntl.fcntl(sealed.fd, fcntl.F_GET_SEALS) == SEALS
        for attack in (
            lambda: os.write(sealed.fd, b"x"),
            lambda: os.truncate(sealed.fd, 1),
            lambda: os.truncate(sealed.fd, 9),
            lambda: mmap.mmap(sealed.fd, 5, mmap.MAP_SHARED, mmap.PROT_WRITE),
            lambda: fcntl.fcntl(sealed.fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SEAL),
        ):
            with pytest.raises(OSError, match="not permitted"):
                attack()
    finally:
        sealed.close()


def test_bytes_of_our_own_are_sealed_too() -> None:
    sealed = seal_bytes(b"{}")
    assert os.pread(sealed.fd, 10, 0) == b"{}"
    assert fcntl.fcntl(sealed.fd, fcntl.F_GET_SEALS) == SEALS
    sealed.close()


def test_above_the_budget_files_stay_on_disk(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m")
    total = sum(path.stat().st_size for path in model.iterdir())
    with open_folder(model, budget=total) as folder:
        assert (folder.bytes_binding, folder.binds("m")) == ("sealed", {})
    with open_folder(model, budget=total - 1) as folder:
        assert folder.bytes_binding == "verified-twice"
        assert folder.inputs("m") == {}
        assert folder.binds("m")["m/config.json"] == model / "config.json"
        assert folder.expected("m")["m/config.json"] == digest_bytes(
            (model / "config.json").read_bytes()
        )


def test_an_absent_folder(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none").code == "E601"
    write_model(tmp_path / "none")
    with open_folder(tmp_path / "none"):
        pass


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    assert refusal(tmp_path / "f").code == "E601"


def as_pickle(folder: Path) -> bytes:
    return pickle.dumps({"w": [1.0]}, protocol=4)


def as_old_pickle(folder: Path) -> bytes:
    return pickle.dumps({"w": [1.0]}, protocol=2)


def as_zip(folder: Path) -> bytes:
    path = folder / "z"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.pkl", "x")
    data = path.read_bytes()
    path.unlink()
    return data


def as_gguf(folder: Path) -> bytes:
    return b"GGUF" + bytes(60)


@pytest.mark.parametrize("content", [as_pickle, as_old_pickle, as_zip, as_gguf])
def test_a_renamed_pickle_is_known_by_its_bytes(
    tmp_path: Path, content: Callable[[Path], bytes]
) -> None:
    assert refusal(write_model(tmp_path / "m", model__safetensors=content(tmp_path))).code == "E201"


def test_a_header_length_that_looks_like_a_pickle_is_no_pickle(tmp_path: Path) -> None:
    """0x280 is 80 02 in little-endian, the start of a pickle of protocol 2."""
    header = b"{" + b" " * (0x280 - 2) + b"}"
    model = write_model(tmp_path / "m", model__safetensors=safetensors(header, b""))
    assert (model / "model.safetensors").read_bytes().startswith(b"\x80\x02")
    with open_folder(model) as folder:
        assert "model.safetensors" in folder.sealed


@pytest.mark.parametrize(
    "name", ["pytorch_model.bin", "model.pt", "x.pth", "w.pkl", "W.CKPT", "a.h5"]
)
def test_pickle_in_place_of_weights(tmp_path: Path, name: str) -> None:
    model = write_model(tmp_path / "m")
    (model / name).write_bytes(pickle.dumps([1]))
    with open_folder(model) as folder:
        assert name not in folder.sealed  # beside safetensors: listed, not loaded
        assert name in {entry.path for entry in folder.files}
    (model / "model.safetensors").unlink()
    fault = refusal(model)
    assert (fault.code, fault.exit_code) == ("E201", 5)
    assert name in fault.message


def test_other_formats_are_refused_with_the_remedy(tmp_path: Path) -> None:
    adapter = write_model(tmp_path / "a", adapter_config__json=b"{}")
    assert refusal(adapter).code == "E210"
    empty = write_model(tmp_path / "e")
    (empty / "model.safetensors").unlink()
    assert refusal(empty).code == "E203"
    (empty / "model.gguf").write_bytes(b"GGUF")
    assert refusal(empty).code == "E210"


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as link:
        link.bind(str(path))


def link_out(path: Path) -> None:
    path.symlink_to("/etc/hostname")


def link_beside(path: Path) -> None:
    path.symlink_to("config.json")


def link_to_blob(path: Path) -> None:
    path.symlink_to(f"../../blobs/{BLOB}")


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "extra.txt", "sub/extra.txt"])
@pytest.mark.parametrize("make", [make_fifo, make_socket, link_out, link_beside, link_to_blob])
def test_only_regular_files(tmp_path: Path, name: str, make: Callable[[Path], None]) -> None:
    """A FIFO must not block either: the test would hang."""
    model = write_model(tmp_path / "m")
    path = model / name
    path.unlink(missing_ok=True)
    path.parent.mkdir(exist_ok=True)
    make(path)
    fault = refusal(model)
    if name == "model.safetensors" and make is not link_beside:
        assert fault.code in {"E205", "E203"}
    else:
        assert fault.code == "E205"
    with pytest.raises(SafetyRefusal):
        tree_of(model)


def test_a_linked_directory_is_refused(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m")
    (model / "sub").symlink_to(tmp_path, target_is_directory=True)
    assert refusal(model).code == "E205"


def write_cache(root: Path) -> Path:
    """A Hugging Face cache with one snapshot, links and all."""
    repository = root / "models--org--name"
    source = write_model(root / "source")
    snapshot = repository / "snapshots" / ("c" * 40)
    (snapshot / "sub").mkdir(parents=True)
    blobs = repository / "blobs"
    blobs.mkdir()
    for path in list(source.iterdir()):
        data = path.read_bytes()
        blob = hashlib.sha256(data).hexdigest()
        (blobs / blob).write_bytes(data)
        (snapshot / path.name).symlink_to(f"../../blobs/{blob}")
        (snapshot / "sub" / path.name).symlink_to(f"../../../blobs/{blob}")
    return snapshot


def test_the_cache_of_hugging_face_works(tmp_path: Path) -> None:
    snapshot = write_cache(tmp_path)
    with open_folder(snapshot) as folder, open_folder(snapshot, budget=0) as bound:
        assert set(folder.sealed) == {"config.json", "model.safetensors"}
        assert os.pread(folder.sealed["model.safetensors"], 1 << 20, 0) == good_file()
        assert bound.on_disk["config.json"].parent.name == "blobs"
        assert stat.S_ISREG(bound.on_disk["config.json"].lstat().st_mode)
    plain = write_model(tmp_path / "plain")
    (plain / "sub").mkdir()
    for name in ("config.json", "model.safetensors"):
        (plain / "sub" / name).write_bytes((plain / name).read_bytes())
    assert tree_of(snapshot)[0] == tree_of(plain)[0]  # links count as files under their name


@pytest.mark.parametrize(
    "target",
    [
        "../../../secret",
        "../../blobs/../../secret",
        "../../blobs/" + "z" * 40,
        "../../refs/" + BLOB,
        "/etc/hostname",
        "../../../blobs/" + BLOB,
    ],
)
def test_a_link_in_the_cache_must_be_exactly_a_blob(tmp_path: Path, target: str) -> None:
    snapshot = write_cache(tmp_path)
    (tmp_path / "secret").write_text("s")
    (snapshot / "extra").symlink_to(target)
    assert refusal(snapshot).code == "E205"


def test_a_blob_that_is_a_link_is_refused(tmp_path: Path) -> None:
    snapshot = write_cache(tmp_path)
    (snapshot / "extra").symlink_to(f"../../blobs/{BLOB}")
    (snapshot.parent.parent / "blobs" / BLOB).symlink_to("/etc/hostname")
    assert refusal(snapshot).code == "E205"


@pytest.mark.parametrize(
    "name",
    [
        "a\x1b[2Jb",
        "a\u202eb",
        "a\nb",
        "a\\b",
        b"a\xff".decode(errors="surrogateescape"),
        "cafe\u0301",
    ],
)
def test_names_that_deceive_are_refused(tmp_path: Path, name: str) -> None:
    model = write_model(tmp_path / "m")
    (model / name).write_text("x")
    fault = refusal(model)
    assert fault.code == "E211"
    assert fault.message.isascii()
    assert fault.message.isprintable()
    (model / name).rename(model / "caf\u00e9")
    with open_folder(model):
        pass


def test_what_stands_outside_the_digest(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m")
    digest, files = tree_of(model)
    (model / ".invarlock").mkdir()
    (model / ".invarlock" / "x").symlink_to("/")
    (model / "model.sig").write_text("s")
    (model / ".git").mkdir()
    os.mkfifo(model / ".git" / "pipe")
    (model / ".gitattributes").write_text("s")
    assert tree_of(model) == (digest, files)
    (model / "sub").mkdir()
    (model / "sub" / "model.sig").write_text("s")  # at the top level only
    assert tree_of(model)[0] != digest


def test_caps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes(b"x" * 10)
    seal_file(path, 10).close()
    with pytest.raises(SafetyRefusal) as fault:
        seal_file(path, 9)
    assert fault.value.code == "E208"
    model = write_model(tmp_path / "m")
    with (model / "tokenizer.json").open("wb") as file:
        file.truncate((256 << 20) + 1)  # sparse: takes no room
    assert refusal(model).code == "E208"
    deep = write_model(tmp_path / "d")
    (deep / "/".join(["x"] * 20)).mkdir(parents=True)
    assert refusal(deep).code == "E208"


def test_one_file_by_path(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault) as absent:
        seal_file(tmp_path / "none", 10)
    assert absent.value.code == "E601"
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(SafetyRefusal) as fifo:
        seal_file(tmp_path / "fifo", 10)
    assert fifo.value.code == "E205"
    with pytest.raises(SafetyRefusal) as device:
        seal_file(Path("/dev/zero"), 10)
    assert device.value.code == "E205"
    (tmp_path / "real").write_text("x")
    (tmp_path / "link").symlink_to("real")
    seal_file(tmp_path / "link", 10).close()  # a path that the user typed
    with pytest.raises(SafetyRefusal) as planted:
        seal_file(tmp_path / "link", 10, follow=False)
    assert planted.value.code == "E205"


def test_a_file_that_changes_while_it_is_hashed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer keeps touching the file between the first and the last look at it."""
    path = tmp_path / "data.jsonl"
    path.write_bytes(b"x" * (8 << 20))
    monkeypatch.setattr(descriptor, "CHUNK", 4096)
    stop = threading.Event()

    def write() -> None:
        with path.open("r+b") as file:
            while not stop.is_set():
                file.seek(7 << 20)
                file.write(os.urandom(8))
                file.flush()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with pytest.raises(SafetyRefusal) as fault:
            seal_file(path, 16 << 20)
    finally:
        stop.set()
        writer.join()
    assert fault.value.code == "E209"
    seal_file(path, 16 << 20).close()


@pytest.mark.parametrize("change", ["grow", "shrink"])
def test_a_file_whose_size_moves(tmp_path: Path, change: str) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x" * 100)
    fd = os.open(path, os.O_RDONLY)
    real = os.fstat(fd)
    path.write_bytes(b"x" * (150 if change == "grow" else 50))
    try:
        with pytest.raises(SafetyRefusal):
            descriptor._check_still(fd, real, os.fstat(fd).st_size, "f")
        descriptor._check_still(fd, os.fstat(fd), os.fstat(fd).st_size, "f")
    finally:
        os.close(fd)


def test_no_room_for_the_copy_is_a_fault_of_the_surroundings() -> None:
    for number in (errno.ENOSPC, errno.ENOMEM):
        fault = descriptor._copy_fault(OSError(number, ""), "m")
        assert (fault.code, fault.exit_code) == ("E603", 6)


@settings(max_examples=25)
@given(data=st.binary(max_size=5000), chunk=st.integers(1, 700))
def test_reading_in_pieces_is_reading(data: bytes, chunk: int) -> None:
    fd = os.memfd_create("t")
    os.write(fd, data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(descriptor, "CHUNK", chunk)
        reading = descriptor.read_once(fd, label="t", seal=True)
    os.close(fd)
    assert reading.sealed is not None
    assert os.pread(reading.sealed, 6000, 0) == data
    os.close(reading.sealed)
    assert (reading.size, reading.head) == (len(data), data[:16])
    assert reading.sha256 == hashlib.sha256(data).hexdigest()
