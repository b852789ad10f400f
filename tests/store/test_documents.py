"""Documents: made once, replaced as a whole, wherever they are kept."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from runlake.errors import BadValueError
from runlake.store.documents import FolderDocuments
from runlake.store.documents_in_memory import MemoryDocuments


@pytest.fixture(params=["folder", "folder of json", "memory", "postgresql"])
def documents(request, tmp_path):
    if request.param == "postgresql":
        database, path = request.getfixturevalue("shared_database"), request.getfixturevalue("new_path")

        from runlake.store.cluster.documents import PostgresDocuments

        return PostgresDocuments(database, f"{path}\0views")
    if request.param == "memory":
        return MemoryDocuments()
    return FolderDocuments(tmp_path / "documents", ".json" if "json" in request.param else "")


def test_where_nothing_was_written_there_is_nothing(documents):
    assert (documents.list_names(), documents.read("a")) == ([], None)
    documents.remove("a")


def test_a_document_is_made_once(documents):
    assert [documents.create("a", body) for body in (b"one", b"two")] == [True, False]
    assert documents.read("a") == b"one"


def test_a_document_is_replaced_as_a_whole(documents):
    for body in (b"\0\xff" * 5000, b"short", b""):
        documents.replace("a", body)
        assert documents.read("a") == body
    assert not documents.create("a", b"again")


def test_documents_are_listed_by_name_with_their_times(documents):
    before = time.time() - 5
    names = ["UPPER", "a", "a b", "a.json", "ü", "w%20"]
    for name in reversed(names):
        documents.replace(name, b"x")
    found = documents.list_names()
    assert [document.name for document in found] == [*names[:4], "w%20", "ü"]
    assert all(before < document.written_at < time.time() + 5 for document in found)


def test_what_was_removed_is_not_there_and_can_be_made_again(documents):
    documents.create("a", b"one")
    documents.remove("a")
    assert (documents.read("a"), documents.list_names()) == (None, [])
    assert documents.create("a", b"two")


@pytest.mark.parametrize("name", ["", "x" * 201, "😀" * 64])
def test_what_cannot_be_a_name_is_refused(documents, name):
    for call in (documents.read, documents.remove, lambda name: documents.create(name, b"")):
        with pytest.raises(BadValueError):
            call(name)


@pytest.mark.parametrize("name", ["a\0b", "a\\0b", "../a", ".hidden", "con", "a/b", "'; --", "\ud800"])
def test_a_document_may_be_called_anything(documents, name):
    documents.replace(name, b"x")
    assert (documents.read(name), [document.name for document in documents.list_names()]) == (b"x", [name])


def test_of_many_who_make_one_at_once_one_does(documents):
    start = threading.Barrier(4)

    def make(number):
        made = []
        for name in range(20):
            start.wait()
            made.append(documents.create(str(name), str(number).encode()))
        return made

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(make, range(4)))
    assert [sum(column) for column in zip(*made, strict=True)] == [1] * 20
    assert [documents.read(str(name)) for name in range(20)] == [
        str(column.index(True)).encode() for column in zip(*made, strict=True)
    ]
