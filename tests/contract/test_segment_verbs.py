"""Engines that read Parquet by themselves are told exactly which files make a project."""

from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import httpx
import polars
import pytest

from runlake.errors import NotFoundError, NotSupportedError
from runlake.model import RunPath

RUN = RunPath("ann", "mnist", "a")


@pytest.fixture
def service(service, way):
    if way in ("in process", "socket"):
        pytest.skip("a server over a folder names no files of its disk: see the test of that")
    return service


@pytest.fixture
def places(request, way):
    """What an engine opens for the files of a list."""

    def opened(found):
        if way == "cluster":
            return [segment.url for segment in found.segments]
        return [urlsplit(segment.url).path for segment in found.segments]

    return opened


@pytest.fixture
def counted(service, way, tmp_path):
    """The rows of each run as an engine counts them that is told whose rows count."""

    def rows():
        found = service.list_segments("ann", "mnist", signed_for_s=600.0 if way == "cluster" else None)
        files = []
        for number, segment in enumerate(found.segments):
            files.append(urlsplit(segment.url).path)
            if way == "cluster":
                files[-1] = str(tmp_path / f"{number}.parquet")
                Path(files[-1]).write_bytes(httpx.get(segment.url).raise_for_status().content)
        count = (
            "select run_id::varchar, count(*) from read_parquet(?) where key = 'loss' and generation in ? group by 1"
        )
        return dict(duckdb.execute(count, [files, list(found.generations)]).fetchall())

    return rows


def train_two(train):
    train_some(train, {"a": 1.0, "b": 10.0})


def train_some(train, factors):
    for run_id, factor in factors.items():
        trainer = train(run_id)
        for n in range(5):
            trainer.log(loss=factor * n, n=n)
        trainer.finish()


def seal(service):
    list(service.seal("ann", "mnist"))


def test_the_files_are_those_of_what_is_sealed_and_the_rest_is_named(service, train):
    train_two(train)
    before = service.list_segments("ann", "mnist")
    assert (before.segments, sorted(before.unlisted_run_ids)) == ((), ["a", "b"])

    seal(service)
    found = service.list_segments("ann", "mnist")

    generations = {run_id: service.read_run(RUN._replace(run_id=run_id)).generation for run_id in "ab"}
    assert [segment.row_count for segment in found.segments] == [5, 5]
    assert [segment.runs for segment in found.segments] == [{run_id: generations[run_id]} for run_id in "ab"]
    assert all(segment.size_bytes > 0 for segment in found.segments)
    assert found.unlisted_run_ids == ()


def test_a_run_that_goes_on_is_named_beside_the_files_of_what_it_had(service, train):
    train_two(train)
    seal(service)
    train("c").log(loss=1.0)

    found = service.list_segments("ann", "mnist")

    assert (len(found.segments), found.unlisted_run_ids) == (2, ("c",))


def test_what_a_deleted_run_had_is_in_none_of_them(service, train):
    train_two(train)
    seal(service)
    service.delete_run(RUN)

    (segment,) = service.list_segments("ann", "mnist").segments

    assert list(segment.runs) == ["b"]


def test_duckdb_and_polars_read_them_as_they_are(service, train, places, way, request):
    train_two(train)
    seal(service)
    found = service.list_segments("ann", "mnist", signed_for_s=600.0 if way == "cluster" else None)
    files = places(found)
    options = {}
    if way == "cluster":  # the addresses are signed: no engine needs a key
        folder = request.getfixturevalue("tmp_path")
        for number, url in enumerate(files):
            (folder / f"{number}.parquet").write_bytes(httpx.get(url).raise_for_status().content)
        unsigned = service.list_segments("ann", "mnist")
        server = request.getfixturevalue("s3_server")
        options = {"storage_options": {**server.environment(), "aws_allow_http": "true"}}
        files = [str(folder / f"{number}.parquet") for number in range(len(files))]
        polars_files = places(unsigned)
    else:
        polars_files = files

    mean = "select run_id::varchar, avg(f64) from read_parquet(?) where key = 'loss' group by 1 order by 1"
    assert duckdb.execute(mean, [files]).fetchall() == [("a", 2.0), ("b", 20.0)]
    lazy = polars.scan_parquet(polars_files, **options).filter(polars.col("key") == "loss")
    frame = lazy.group_by("run_id").agg(polars.col("f64").mean()).collect()
    assert sorted(frame.rows()) == [("a", 2.0), ("b", 20.0)]


def test_while_runs_come_to_share_a_file_each_row_is_counted_once(service, train, counted):
    train_some(train, dict.fromkeys("abcd", 1.0))
    seal(service)
    for _ in service.pack_runs("ann", "mnist", at_once=True):
        assert counted() == dict.fromkeys("abcd", 5)
        assert service.list_segments("ann", "mnist").unlisted_run_ids == ()
    assert counted() == dict.fromkeys("abcd", 5)


def test_the_api_says_what_an_engine_opens_and_whose_rows_count(service, train, places):
    from runlake.api.api import Api

    train_two(train)
    seal(service)

    found = Api(service=service).segments("ann/mnist")

    assert (found, found.files) == (service.list_segments("ann", "mnist"), places(found))
    assert found.generations == {service.read_run(RUN._replace(run_id=run_id)).generation: run_id for run_id in "ab"}
    assert Api(service=service).segments("ann/mnist", stream="console").files == []


def test_a_project_that_is_not_there_is_named(service):
    with pytest.raises(NotFoundError, match="mnist"):
        service.list_segments("ann", "mnist")


@pytest.mark.parametrize("way", ["socket"])
def test_a_server_over_a_folder_says_where_to_read_instead(request, train, local):
    from runlake.service.remote.service import RemoteService

    train_two(train)
    list(local.seal("ann", "mnist"))
    remote = RemoteService(request.getfixturevalue("socket_server").url)
    with pytest.raises(NotSupportedError, match="export or SQL"):
        remote.list_segments("ann", "mnist")
    remote.close()
