"""What a task of Spark reads, without Spark: the rows of some files, and no others."""

import contextlib
import itertools
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlake.api.api import Api
from runlake.errors import CommError, NotFoundError, UnreachableError
from runlake.model import RunPath
from runlake.service.cluster.service import ClusterService
from runlake.service.local.service import LocalService
from runlake.spark.batches import PARTITION_BYTES, Piece, grouped, pieces_of, read_pieces
from runlake.spark.ranges import WHOLE_BYTES, RangeFile
from trainer import Trainer

NOTHING = {}


def train(store, run_id, factor=1.0):
    trainer = Trainer(store, run_id)
    for n in range(4):
        trainer.log(loss=factor * n, n=n, note=f"{run_id}{n}", ok=n > 1)
    trainer.finish()


def rows(service, wanted=NOTHING, **options):
    found = Api(service=service).segments("ann/mnist", **options)
    batches = list(read_pieces(pieces_of(found.segments, wanted), wanted))
    return [row for batch in batches for row in batch.to_pylist()]


def values(service, wanted):
    """(run, key, step, the value in the column of its lane)"""
    column = {"f64": "f64", "i64": "i64", "bool": "bool", "str": "str"}
    return sorted((row["run_id"], row["key"], row["step"], row[column[row["lane"]]]) for row in rows(service, wanted))


@pytest.fixture
def service(tmp_path):
    service = LocalService(tmp_path / "a store" / "ä%20", default_entity="ann")
    yield service
    service.close()


@pytest.fixture
def folder(service, tmp_path):
    for run_id, factor in (("a", 1.0), ("Run B", 10.0)):
        train(tmp_path / "a store" / "ä%20", run_id, factor)
    list(service.seal("ann", "mnist"))
    return tmp_path / "a store" / "ä%20"


def test_all_values_of_all_runs_come_in_the_columns_of_the_format(service, folder):
    assert len(rows(service)) == 2 * 4 * 7  # with step, time and runtime
    assert values(service, {"key": frozenset({"note", "ok"}), "run_id": frozenset({"Run B"})}) == [
        *(("Run B", "note", n, f"Run B{n}") for n in range(4)),
        *(("Run B", "ok", n, n > 1) for n in range(4)),
    ]


def test_names_that_are_not_there_are_no_rows(service, folder):
    for column in ("run_id", "generation", "writer", "key", "lane"):
        assert rows(service, {column: frozenset({"none"})}) == []
        assert rows(service, {column: frozenset()}) == []


def test_files_without_what_is_wanted_are_not_opened(service, folder):
    found = Api(service=service).segments("ann/mnist")
    (piece,) = pieces_of(found.segments, {"run_id": frozenset({"a", "none"})})
    assert list(piece.run_ids.values()) == ["a"]


def test_rows_of_a_deleted_run_in_a_file_that_others_share_do_not_count(service, folder):
    assert len(list(service.pack_runs("ann", "mnist", at_once=True))) == 2
    service.delete_run(RunPath("ann", "mnist", "Run B"))
    assert {row["run_id"] for row in rows(service)} == {"a"}
    assert len(rows(service)) == 4 * 7


def test_a_run_that_came_under_another_id_has_the_one_that_it_has_here(service, folder, tmp_path):
    train(tmp_path / "other", "a", 100.0)
    with contextlib.closing(LocalService(tmp_path / "other", default_entity="ann")) as other:
        list(other.seal("ann", "mnist"))
    list(service.merge_from(tmp_path / "other"))
    new_id = next(run.run_id for run in service.list_runs("ann", "mnist").runs if run.run_id.startswith("a-"))
    wanted = {"key": frozenset({"loss"}), "run_id": frozenset({new_id})}
    assert values(service, wanted) == [(new_id, "loss", n, 100.0 * n) for n in range(4)]
    assert values(service, {**wanted, "run_id": frozenset({"a"})}) == [("a", "loss", n, float(n)) for n in range(4)]


def test_files_of_a_bucket_are_read_by_their_signed_addresses(new_cluster_store):
    with contextlib.closing(store := new_cluster_store()):
        service = ClusterService(store, default_entity="ann", user="ann")
        train(store, "a")
        list(service.seal("ann", "mnist"))
        found = rows(service, {"key": frozenset({"loss"})}, signed_for_s=600.0)
        assert [(row["step"], row["f64"]) for row in found] == [(n, float(n)) for n in range(4)]

        (segment,) = service.list_segments("ann", "mnist", signed_for_s=600.0).segments
        unsigned = Piece(segment.url.replace("X-Amz-Signature=", "X-Amz-Signature=0"), segment.size_bytes, {"g": "a"})
        with pytest.raises(CommError, match="begin the query anew") as refused:
            list(read_pieces([unsigned], NOTHING))
        assert "X-Amz" not in str(refused.value)


@given(st.lists(st.integers(1, 2 * PARTITION_BYTES)))
def test_groups_have_every_file_once_and_are_no_larger_than_said(sizes):
    pieces = [Piece(f"file:///{number}", size, {}) for number, size in enumerate(sizes)]
    groups = grouped(pieces)
    assert [piece for group in groups for piece in group] == pieces
    assert all(len(group) == 1 or sum(piece.size_bytes for piece in group) <= PARTITION_BYTES for group in groups)
    pairs = itertools.pairwise(groups)
    assert all(sum(piece.size_bytes for piece in (*one, other[0])) > PARTITION_BYTES for one, other in pairs)


DATA = bytes(range(256)) * 8192


class ObjectServer(ThreadingHTTPServer):
    """Answers ranges of `DATA` at /o; before that, what `answers` has, of which None is a connection that breaks."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers, self.asked = [], []

    def file(self, size_bytes):
        return RangeFile(httpx.Client(), f"http://127.0.0.1:{self.server_port}/o?secret", size_bytes)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        first, last = map(int, self.headers["Range"].removeprefix("bytes=").split("-"))
        self.server.asked.append((first, last))
        answer = self.server.answers.pop(0) if self.server.answers else (206, DATA[first : last + 1])
        if answer is None:
            self.close_connection = True
            return
        status, content = answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *words):
        pass


@pytest.fixture
def server():
    server = ObjectServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_of_a_large_file_only_what_is_read_is_asked_for_and_a_small_one_comes_at_once(server):
    file = pa.PythonFile(server.file(len(DATA)), mode="r")
    file.seek(1000)
    assert (file.read(500), file.size()) == (DATA[1000:1500], len(DATA))
    file.seek(len(DATA) - 3)
    assert (file.read(), file.read()) == (DATA[-3:], b"")
    assert server.asked == [(1000, 1499), (len(DATA) - 3, len(DATA) - 1)]

    server.asked.clear()
    small = server.file(WHOLE_BYTES)
    assert (small.read(5), small.read(5), server.asked) == (DATA[:5], DATA[5:10], [(0, WHOLE_BYTES - 1)])


def test_a_server_that_is_ill_is_asked_again_and_then_named(server):
    server.answers = [(503, b""), None, None]
    assert server.file(10).read() == DATA[:10]

    server.answers = [(503, b"")] * 4
    with pytest.raises(UnreachableError, match="/o cannot be read: it answers 503"):
        server.file(10)
    server.answers = [None] * 4
    with pytest.raises(UnreachableError, match="/o cannot be read: "):
        server.file(10)


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        ((404, b""), NotFoundError, "/o is gone"),
        ((403, b""), CommError, "signed_for_s"),
        ((206, b"123"), CommError, "asked for 10 bytes, it answers 206 with 3"),
        ((400, b"0123456789"), CommError, "it answers 400"),
    ],
)
def test_what_a_server_refuses_is_told_without_what_lets_others_read(server, answer, kind, words):
    server.answers = [answer]
    with pytest.raises(kind, match=words) as caught:
        server.file(10)
    assert "secret" not in str(caught.value)


def test_a_server_that_knows_no_ranges_sends_all_of_it(server):
    server.answers = [(200, DATA)]
    assert server.file(10).read() == DATA[:10]
