"""Sealers at the same run at once, and sealers that are killed: each part is in one segment, nothing is left over."""

import itertools
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from s3_proxy import S3Proxy
from sealed_by_hand import BOTH, FIRST, SECOND, put_files, seal

from runlake.store.cluster.comparison import Comparison
from runlake.store.cluster.garbage import collect
from runlake.store.journal.journal import PartName
from runlake.store.segment.meta import read_meta
from runlake.store.segment.publish import drop_segment, publish_meta
from runlake.store.segment.read import rows_of_meta

HERE = Path(__file__).parent


@pytest.fixture
def path(cluster):
    path = cluster.make_run()
    for number in range(2):
        cluster.journal(path).create_part(PartName("w", number)).write(b"rows")
    return path


@pytest.fixture
def segments(cluster, path):
    return cluster.segments(path)


def parts(cluster, path):
    """The parts that no segment has."""
    return [tuple(name) for name, _ in cluster.journal(path).list_parts()]


def test_who_publishes_has_the_parts_from_then_on(cluster, path, segments, tmp_path):
    meta = put_files(segments, tmp_path / "rows", covers=[("w", 0)])
    assert (parts(cluster, path), set(cluster.states(path).values())) == ([("w", 0), ("w", 1)], {"staged"})
    publish_meta(segments, meta)
    assert (parts(cluster, path), set(cluster.states(path).values())) == ([("w", 1)], {"published"})
    with pytest.raises(FileNotFoundError):
        cluster.journal(path).append(PartName("w", 0), b"more", 4)


def test_who_sealed_the_same_part_into_another_segment_comes_too_late(cluster, path, segments, tmp_path):
    late = put_files(segments, tmp_path / "rows", SECOND, covers=[("w", 0), ("w", 1)])
    seal(segments, tmp_path / "rows", FIRST, covers=[("w", 0)])
    with pytest.raises(FileNotFoundError):
        publish_meta(segments, late)
    cluster.journal(path).drop(PartName("w", 0))
    with pytest.raises(FileNotFoundError):
        publish_meta(segments, late)
    assert (segments.list_names(), parts(cluster, path)) == ({FIRST}, [("w", 1)])


def test_who_publishes_again_changes_nothing(cluster, path, segments, tmp_path):
    meta = seal(segments, tmp_path / "rows", covers=[("w", 0)])
    publish_meta(segments, meta)
    cluster.journal(path).drop(PartName("w", 0))
    publish_meta(segments, meta)
    assert (segments.list_names(), parts(cluster, path)) == ({FIRST}, [("w", 1)])


def test_segments_that_were_brought_together_are_not_brought_together_once_more(cluster, path, segments, tmp_path):
    first = seal(segments, tmp_path / "rows", FIRST, covers=[("w", 0)])
    late = put_files(segments, tmp_path / "rows", SECOND, covers=[("w", 0), ("w", 1)], supersedes=[FIRST])
    both = seal(segments, tmp_path / "rows", BOTH, covers=[("w", 0)], supersedes=[FIRST])
    with pytest.raises(FileNotFoundError, match="has parts that"):
        publish_meta(segments, late)
    drop_segment(segments, first)
    with pytest.raises(FileNotFoundError, match="others replaced"):
        publish_meta(segments, late)
    with pytest.raises(FileNotFoundError):
        publish_meta(segments, first)
    assert (segments.list_names(), both.supersedes) == ({BOTH}, [FIRST])


def test_what_replaced_others_is_replaced_in_its_turn(cluster, path, segments, tmp_path):
    first = seal(segments, tmp_path / "rows", FIRST, covers=[("w", 0)])
    both = seal(segments, tmp_path / "rows", BOTH, covers=[("w", 0)], supersedes=[FIRST])
    drop_segment(segments, first)
    seal(segments, tmp_path / "rows", SECOND, covers=[("w", 0), ("w", 1)], supersedes=[BOTH, FIRST])
    drop_segment(segments, both)
    assert (segments.list_names(), parts(cluster, path)) == ({SECOND}, [])


def test_of_many_who_seal_one_part_at_once_one_does(cluster, path, segments, tmp_path):
    metas = [put_files(segments, tmp_path / "rows", f"{n:02x}" * 12, covers=[("w", 0)]) for n in range(8)]
    outcomes = []

    def publish(meta):
        try:
            publish_meta(cluster.segments(path), meta)
            outcomes.append("published")
        except FileNotFoundError:
            outcomes.append("look again")

    threads = [threading.Thread(target=publish, args=(meta,)) for meta in metas]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["look again"] * 7 + ["published"]
    assert len(segments.list_names()) == 1


def test_of_many_who_make_the_same_files_at_once_all_have_them(cluster, path, tmp_path):
    threads = [
        threading.Thread(target=put_files, args=(cluster.segments(path), tmp_path / f"rows{n}")) for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    segments = cluster.segments(path)
    seal(segments, tmp_path / "rows", covers=[("w", 0)])
    (rows,) = rows_of_meta(segments, read_meta(segments, FIRST), "history")
    states = list(cluster.states(path).values())
    assert (rows.row_count, states.count("published"), set(states)) == (2, 2, {"published", "dead"})


def test_a_run_that_was_deleted_gets_no_segment_and_one_of_its_id_neither(cluster, path, segments, tmp_path):
    meta = put_files(segments, tmp_path / "rows", covers=[("w", 0)])
    cluster.make_anew(path)
    for change in (lambda: publish_meta(segments, meta), segments.prepare, lambda: seal(segments, tmp_path / "rows")):
        with pytest.raises(FileNotFoundError):
            change()
    assert (segments.list_names(), cluster.segments(path).list_names()) == (set(), set())


def test_a_segment_that_was_sealed_elsewhere_is_adopted(cluster, path, segments, tmp_path):
    meta = put_files(segments, tmp_path / "rows", covers=[("x", 7)])
    with pytest.raises(FileNotFoundError):
        publish_meta(segments, meta)
    seal(other := cluster.segments(cluster.make_run()), tmp_path / "rows")
    segments.adopt(f"{FIRST}.meta", other.read(f"{FIRST}.meta"))
    assert segments.list_names() == {FIRST}


@pytest.mark.slow
def test_a_collector_without_patience_takes_nothing_that_is_published(lonely_cluster, tmp_path):
    cluster = lonely_cluster
    segments = cluster.segments(cluster.make_run())
    stop, published = threading.Event(), []

    def collect_again():
        for pause_s in itertools.cycle((0.0, 0.02, 0.1, 0.3)):
            collect(cluster.database, cluster.bucket, staged_s=0.0, dead_s=0.0)
            if stop.wait(pause_s):
                return

    collector = threading.Thread(target=collect_again)
    collector.start()
    for number in range(60):
        try:
            published.append(seal(segments, tmp_path / "rows", f"{number:02x}" * 12).name)
        except FileNotFoundError:
            continue  # its files were garbage before they were published: what a sealer makes anew
    stop.set()
    collector.join()
    assert (segments.list_names(), bool(published)) == (set(published), True)
    for name in published:
        (rows,) = rows_of_meta(segments, read_meta(segments, name), "history")
        assert rows.row_count == 2
    # What it forgot while it was on its way into the bucket is there, and nobody's: it takes two days of patience.
    found = list(Comparison(cluster.database, cluster.bucket).differences(is_reading=True))
    assert {difference.kind for difference in found} <= {"unknown"}
    assert not [difference for difference in found if any(name in difference.key for name in published)]


@pytest.mark.slow
@pytest.mark.parametrize("step", ["before", "after", "put", "published"])
def test_what_a_sealer_leaves_that_was_killed_another_finishes(
    lonely_cluster, shared_database_url, s3_server, tmp_path, step
):
    cluster = lonely_cluster
    path = cluster.make_run()
    cluster.journal(path).create_part(PartName("w", 0)).write(b"rows")
    process = None
    words = itertools.chain([step] if step in ("before", "after") else [], itertools.repeat("pass"))
    proxy = S3Proxy(s3_server.endpoint, words, on_word=lambda word: process.kill())
    program = [sys.executable, HERE / "sealed_by_hand.py", shared_database_url, cluster.database.schema]
    environment = {**os.environ, **s3_server.environment(), "AWS_ENDPOINT_URL": proxy.endpoint}
    environment["PYTHONPATH"] = str(HERE.parent)
    process = subprocess.Popen(
        [*program, cluster.bucket.url, tmp_path, *path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    with process:
        said = process.stdout.readline().strip()
        while said and said != step:
            process.stdin.write("\n")
            process.stdin.flush()
            said = process.stdout.readline().strip()
        process.kill()
    proxy.stop()
    assert said == (step if step in ("put", "published") else "")
    assert bool(cluster.keys()) == (step != "before")

    segments = cluster.segments(path)
    meta = seal(segments, tmp_path / "rows", covers=[("w", 0)])
    cluster.journal(path).drop(PartName("w", 0))
    collect(cluster.database, cluster.bucket, staged_s=0.0, dead_s=0.0)
    (rows,) = rows_of_meta(segments, read_meta(segments, FIRST), "history")
    assert (rows.row_count, segments.list_names(), meta.name) == (2, {FIRST}, FIRST)
    assert cluster.keys() == sorted(cluster.states(path))
    assert list(Comparison(cluster.database, cluster.bucket).differences(is_reading=True)) == []
