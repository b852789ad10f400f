"""What lies elsewhere is noted, and fetched again if it is still what it was."""

import http.server
import threading
from pathlib import Path

import pytest

from runlake.artifacts.artifact import Artifact
from runlake.errors import BadValueError, CommError, NotFoundError, NotSupportedError


@pytest.fixture
def data():
    return Artifact("data", "dataset")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "away"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "sub" / "b c.txt").write_text("b")
    return folder


class Pages(http.server.BaseHTTPRequestHandler):
    """Pages with an ETag, but for those of whom nothing is known."""

    pages: dict[str, tuple[bytes, str | None]] = {}  # noqa: RUF012

    def do_GET(self):
        content, etag = self.pages.get(self.path, (None, None))
        self.send_response(200 if content is not None else 404)
        if etag is not None:
            self.send_header("ETag", f'"{etag}"')
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *args):
        pass


@pytest.fixture
def web():
    """The address of a server, and its pages."""
    Pages.pages = {"/files/a.bin": (b"one", "tag-1"), "/plain": (b"two", None)}
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", Pages.pages
    server.shutdown()
    thread.join()
    server.server_close()


def noted(artifact):
    return {entry.path: (entry.ref, entry.size, entry.extra) for entry in artifact.files()}


def test_files_of_a_folder_are_noted_by_their_content(service, keep, data, folder, contents):
    data.add_reference(folder.as_uri(), name="input")
    data.add_reference((folder / "a.txt").as_uri())
    keep(service, data)
    assert noted(data) == {
        "a.txt": ((folder / "a.txt").as_uri(), 1, {}),
        "input/a.txt": ((folder / "a.txt").as_uri(), 1, {}),
        "input/sub/b c.txt": ((folder / "sub" / "b c.txt").as_uri(), 1, {}),
    }
    assert data.get_entry("a.txt").digest == "DMF1ucDxtqgxw5niaXcmYQ=="
    assert data.get_entry("a.txt").ref_target() == (folder / "a.txt").as_uri()
    assert contents(data.download()) == {"a.txt": b"a", "input/a.txt": b"a", "input/sub/b c.txt": b"b"}


def test_what_changed_or_is_gone_is_an_error_by_name(service, keep, data, folder, contents):
    data.add_reference(folder.as_uri())
    keep(service, data)
    (folder / "a.txt").write_text("changed")
    with pytest.raises(BadValueError, match=r"'a\.txt' is a reference to file://.*which changed since it was logged"):
        data.download()
    (folder / "a.txt").unlink()
    with pytest.raises(NotFoundError, match=r"'a\.txt' is a reference to file://.*and nothing is there"):
        data.download("other")
    assert contents(data.download("rest", allow_missing_references=True)) == {"sub/b c.txt": b"b"}


def test_without_a_look_only_the_address_is_noted(service, keep, data, folder, contents):
    address = (folder / "a.txt").as_uri()
    data.add_reference(address, checksum=False)
    keep(service, data)
    assert data.get_entry("a.txt").digest == address
    (folder / "a.txt").write_text("changed")
    assert contents(data.download()) == {"a.txt": b"changed"}


def test_a_folder_of_too_many_files_is_not_noted(data, folder):
    with pytest.raises(BadValueError, match=r"holds 2 files, more than max_objects=1"):
        data.add_reference(folder.as_uri(), max_objects=1)
    with pytest.raises(BadValueError, match="nothing is at file:///nowhere"):
        data.add_reference("file:///nowhere")
    with pytest.raises(BadValueError, match="is no address; write"):
        data.add_reference("nowhere")


def test_a_page_is_noted_by_its_etag(service, keep, data, web, contents):
    url, pages = web
    data.add_reference(f"{url}/files/a.bin")
    data.add_reference(f"{url}/plain", name="of/plain.txt")
    keep(service, data)
    assert noted(data) == {
        "a.bin": (f"{url}/files/a.bin", 3, {"etag": "tag-1"}),
        "of/plain.txt": (f"{url}/plain", 3, {}),
    }
    assert (data.get_entry("a.bin").digest, data.get_entry("of/plain.txt").digest) == ("tag-1", f"{url}/plain")
    assert contents(data.download()) == {"a.bin": b"one", "of/plain.txt": b"two"}
    pages["/files/a.bin"] = (b"new", "tag-2")
    with pytest.raises(BadValueError, match=r"which changed since it was logged \(it was tag-1, and is tag-2\)"):
        data.download("again")
    del pages["/files/a.bin"]
    with pytest.raises(NotFoundError, match="and nothing is there"):
        data.download("again")


def test_a_page_that_is_not_there_cannot_be_looked_at(data, web):
    url, _ = web
    with pytest.raises(BadValueError, match=r"answered with the status 404; pass checksum=False"):
        data.add_reference(f"{url}/nothing")
    with pytest.raises(CommError, match="cannot be reached"):
        data.add_reference("http://127.0.0.1:9/nothing")
    assert [entry.path for entry in data.add_reference(f"{url}/nothing", checksum=False)] == ["nothing"]


@pytest.mark.parametrize(("address", "package"), [("s3://b/k.bin", "boto3"), ("gs://b/k.bin", "google-cloud-storage")])
def test_a_cloud_needs_its_library_and_an_address_needs_none(service, keep, data, address, package):
    with pytest.raises(NotSupportedError, match=rf"pip install {package}; or note it as it is"):
        data.add_reference(address)
    data.add_reference(address, checksum=False)
    keep(service, data)
    assert noted(data) == {"k.bin": (address, 0, {})}
    with pytest.raises(NotSupportedError, match=package):
        data.download()
    assert list(Path(data.download(allow_missing_references=True)).iterdir()) == []


def test_other_addresses_are_noted(service, keep, data):
    data.add_reference("hf://models/x", name="model")
    keep(service, data)
    with pytest.raises(BadValueError, match="get it there with the tools of that place"):
        data.get_entry("model").download()
