"""Artifacts of a `.wandb` file, kept as versions as far as their files are still there."""

import base64
import hashlib
import json
import os

import pytest
from wandb_bytes import EXIT, history, log, record, run

from artifact_contents import contents_of
from protobuf_bytes import field
from runlake.artifact_model import CollectionPath, ManifestEntry, digest_of
from runlake.importers.bring import bring
from runlake.importers.wandb_offline import read_log
from runlake.model import RunPath
from runlake.service.local.service import LocalService

PATH = RunPath("ann", "p", "abc")
MODEL = CollectionPath("ann", "p", "model")


@pytest.fixture
def service(tmp_path):
    return LocalService(tmp_path / "store", default_entity="ann")


@pytest.fixture
def program(tmp_path):
    """The folder in which a program of W&B's client ran."""
    folder = tmp_path / "program"
    (folder / "wandb" / "offline-run-20260101_000000-abc" / "files").mkdir(parents=True)
    return folder


def md5_of(content):
    return base64.b64encode(hashlib.md5(content).digest()).decode()


def entry(path, content, place):
    message = field(1, path) + field(2, md5_of(content)) + field(4, len(content)) + field(6, str(place))
    return field(4, message)


def reference(path, ref):
    return field(
        4, field(1, path) + field(2, "etag") + field(3, ref) + field(16, field(1, "etag") + field(2, '"etag"'))
    )


def artifact(*entries, name="model", type="model", aliases=("latest",), tags=(), client_id="c1", ttl_s=0, manifest=b""):
    said = field(4, type) + field(5, name) + field(7, "about it") + field(8, json.dumps({"f1": 0.5}))
    said += b"".join(field(11, alias) for alias in aliases) + b"".join(field(19, tag) for tag in tags)
    said += field(12, b"".join(entries) + manifest) + field(15, client_id)
    return record(8, said + (field(18, ttl_s) if ttl_s else b""))


def write(program, *records, run_id="abc"):
    file = program / "wandb" / "offline-run-20260101_000000-abc" / "run-abc.wandb"
    file.write_bytes(log([run(run_id), *records, record(EXIT, field(1, 0))]))
    return file


def test_an_artifact_is_a_version_with_all_that_is_known_of_it(service, program):
    staged = program / "staged"
    staged.write_bytes(b"1" * 100)
    (program / "d").mkdir()
    (program / "d" / "y").write_bytes(b"2")
    entries = [entry("a/x", b"1" * 100, staged), entry("y", b"2", "d/y"), reference("z", "s3://b/z")]
    log_file = write(
        program, history(0, at=1003.0, k=1), artifact(*entries, aliases=("latest", "best"), tags=("t",), ttl_s=60)
    )
    done = bring(service, PATH, read_log(log_file))
    assert (done.artifact_count, done.lost, done.is_whole) == (1, {}, True)
    made = service.read_artifact(MODEL.at("best"))
    assert (made.type, made.description, made.metadata, made.aliases, made.tags, made.ttl_s) == (
        "model", "about it", {"f1": 0.5}, ("latest", "best"), ("t",), 60.0,
    )  # fmt: skip
    assert (made.created_at, made.created_by, made.version) == (1003.0, PATH, "v0")
    manifest = service.read_manifest(MODEL.at("v0"))
    assert manifest[2] == ManifestEntry(path="z", digest="etag", ref="s3://b/z", extra={"etag": "etag"})
    assert made.digest == digest_of(manifest)
    assert contents_of(service, MODEL.at("v0")) == {"a/x": b"1" * 100, "y": b"2"}
    assert [one.version for one in service.list_run_artifacts(PATH, "logged")] == ["v0"]


def test_twice_is_once_and_the_same_files_are_one_version(service, program):
    for name in ("x", "y"):
        (program / name).write_bytes(name.encode())
    records = [
        artifact(entry("a", b"x", "x"), client_id="c1"),
        artifact(entry("a", b"y", "y"), client_id="c2"),
        artifact(entry("a", b"x", "x"), client_id="c3", aliases=("again",)),
    ]
    for _ in range(2):
        assert bring(service, PATH, read_log(write(program, *records))).artifact_count == 3
        assert [(one.version, one.aliases) for one in service.list_artifacts(MODEL)] == [
            ("v1", ("latest",)),
            ("v0", ("again",)),
        ]


def test_what_is_not_on_the_disk_any_more_is_counted_by_its_name(service, program, tmp_path):
    secret, fifo = tmp_path / "secret", tmp_path / "fifo"
    secret.write_bytes(b"secret")
    os.mkfifo(fifo)
    records = [
        artifact(entry("a", b"1", "gone"), name="gone", client_id="c1"),
        artifact(entry("a", b"guessd", secret), name="changed", client_id="c2"),
        artifact(entry("a", b"", fifo), entry("b", b"", "/dev/zero"), entry("c", b"", "."), name="odd", client_id="c3"),
        artifact(name="empty", client_id="c4"),
    ]
    done = bring(service, PATH, read_log(write(program, *records)))
    assert done.artifact_count == 1
    assert [(text.partition(" (")[0], text.partition("), ")[2], count) for text, count in done.lost.items()] == [
        ("artifact gone", "of which 1 of 1 files are gone or changed", 1),
        ("artifact changed", "of which 1 of 1 files are gone or changed", 1),
        ("artifact odd", "of which 3 of 3 files are gone or changed", 1),
    ]
    assert [one.name for one in service.list_collections("ann", "p")] == ["empty"]
    stored = [file.read_bytes() for file in (tmp_path / "store").rglob("*") if file.is_file()]
    assert not any(b"secret" in content for content in stored)


def test_names_that_cannot_be_are_told_and_the_rest_comes(service, program):
    (program / "x").write_bytes(b"x")
    records = [
        artifact(entry("a", b"x", "x"), name="../../x", client_id="c1"),
        artifact(entry("../../a", b"x", "x"), name="leaves", client_id="c2"),
        artifact(entry("a", b"x", "x"), aliases=("v7",), name="alias", client_id="c3"),
        artifact(entry("a", b"x", "x"), name="split", client_id="c4", manifest=field(5, "/tmp/manifest.json")),
        artifact(entry("a", b"x", "x"), client_id="c5"),
    ]
    done = bring(service, PATH, read_log(write(program, *records)))
    assert (done.artifact_count, len(done.problems), done.lost) == (1, 4, {"artifact": 1})
    assert [one.name for one in service.list_collections("ann", "p")] == ["model"]
