"""Journals that are written elsewhere, over every way to a store: what is sent stands there once, whatever happens."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from runlake.errors import BadValueError, ConflictError, GapError, NotFoundError, UsageError
from runlake.model import OpenRequest
from runlake.service.local.service import LocalService
from runlake.store.folder_store import FolderStore
from runlake.store.journal import record
from runlake.store.journal.folder import journal_of
from runlake.store.journal.journal import PartName
from runlake.store.journal.limits import WriterLimits
from runlake.store.journal.stop_requests import records
from runlake.store.opening.open import open_run
from runlake.store.opening.writers import open_granted
from runlake.values import flatten
from trainer import RUN, ids


@pytest.fixture
def here(tmp_path):
    """The store of the machine that trains."""
    return FolderStore(tmp_path / "here")


def opening(token="t1", config=None, **fields):
    start = {"set": flatten(config or {}), "name": fields.pop("name", None)}
    return OpenRequest(token=token, start=record.encode_body(start), **fields)


def log(opened, *rows, first_step=0):
    for step, row in enumerate(rows, first_step):
        opened.writer.log(row, step=step, timestamp=100.0 + step, runtime=float(step))


def parts(layout, opened, path=RUN):
    journal = journal_of(layout, path)
    names = [name for name, _ in journal.list_parts() if name.writer == opened.writer.writer]
    return {name.number: journal.read(name) for name in names}


def send(service, layout, opened, path=RUN, to=RUN):
    for number, data in parts(layout, opened, path).items():
        answer = service.append_frames(to, opened.writer.writer, number, 0, data)
        assert answer.next_offset == len(data)
    return answer


def values(service, key="loss", path=RUN):
    history = service.read_history(path, keys=[key])
    return [value for series in history.series for value in series.values.to_pylist()]


def begin(service, layout, **fields):
    grant = service.open_writer(RUN, opening(**fields))
    return open_granted(layout, grant)


def test_a_run_that_is_opened_is_there_at_once_and_its_rows_come_as_they_are_sent(service, here):
    opened = begin(service, here, name="bright-sea-1", config={"lr": 0.5})
    info = service.read_run(RUN)
    assert (info.name, info.state, info.config, info.row_count) == ("bright-sea-1", "running", {"lr": 0.5}, 0)
    log(opened, {"loss": 1.0}, {"loss": 0.5, "text": "a"})
    send(service, here, opened)
    assert values(service) == [1.0, 0.5]
    opened.writer.end({"exit_code": 0})
    send(service, here, opened)
    assert service.read_run(RUN).state == "finished"
    assert ids(service.list_runs("ann", "mnist", filters={"state": "finished"})) == ["a"]


def test_the_same_bytes_stand_there_as_here(service, local, root, here):
    opened = begin(service, here)
    log(opened, *({"loss": float(i)} for i in range(3000)))
    opened.writer.end({"exit_code": 0})
    for number, data in parts(here, opened).items():
        offset = 0
        while offset < len(data):
            end = next(place for place in frame_ends(data) if place > offset + 1000 or place == len(data))
            offset = service.append_frames(RUN, opened.writer.writer, number, offset, data[offset:end]).next_offset
    assert parts(FolderStore(root), opened) == parts(here, opened)
    assert values(service) == [float(i) for i in range(3000)]


def frame_ends(data):
    position = len(record.MAGIC)
    while position < len(data):
        position += record.HEAD.size + record.HEAD.unpack_from(data, position)[0]
        yield position


def test_what_comes_twice_or_overlaps_is_kept_once(service, here):
    opened = begin(service, here)
    log(opened, {"loss": 1.0}, {"loss": 2.0})
    send(service, here, opened)
    send(service, here, opened)
    log(opened, {"loss": 3.0}, first_step=2)
    send(service, here, opened)
    (data,) = parts(here, opened).values()
    for end in list(frame_ends(data)):
        answer = service.append_frames(RUN, opened.writer.writer, 0, 0, data[:end])
        assert answer.next_offset == len(data)
    assert values(service) == [1.0, 2.0, 3.0]


def test_a_gap_is_refused_with_the_offset_that_is_expected(service, here):
    opened = begin(service, here)
    (before,) = parts(here, opened).values()
    log(opened, {"loss": 1.0}, {"loss": 2.0})
    (data,) = parts(here, opened).values()
    *_, last, _ = frame_ends(data)
    with pytest.raises(GapError, match=f"has {len(before)} bytes here") as caught:
        service.append_frames(RUN, opened.writer.writer, 0, last, data[last:])
    assert caught.value.expected == len(before)
    with pytest.raises(GapError) as caught:
        service.append_frames(RUN, opened.writer.writer, 1, 100, data[last:])
    assert caught.value.expected == 0
    with pytest.raises(ConflictError, match="send that first"):
        service.append_frames(RUN, opened.writer.writer, 2, 0, data)


def test_what_is_not_whole_not_sound_or_not_its_own_is_refused_and_leaves_nothing(service, here):
    opened = begin(service, here)
    (before,) = parts(here, opened).values()
    log(opened, {"loss": 1.0}, {"text": "a" * 50})
    (data,) = parts(here, opened).values()
    fresh = data[len(before) :]
    flipped = bytearray(fresh)
    flipped[-3] ^= 1
    for wrong in (fresh[:-1], bytes(flipped), b"\0" * 40, b"nonsense that is no frame", fresh + fresh[:7]):
        with pytest.raises(BadValueError, match="no whole, sound frames"):
            service.append_frames(RUN, opened.writer.writer, 0, len(before), wrong)
    with pytest.raises(ConflictError, match="holds other bytes here"):
        service.append_frames(RUN, opened.writer.writer, 0, 0, bytes([data[0] ^ 1]) + data[1:])
    with pytest.raises(BadValueError, match="cannot be the name of a writer"):
        service.append_frames(RUN, "no-name", 0, 0, data)
    with pytest.raises(NotFoundError):
        service.append_frames(RUN, "0123stranger", 0, 0, data)
    assert service.read_run(RUN).row_count == 0
    assert service.append_frames(RUN, opened.writer.writer, 0, len(before), fresh).next_offset == len(data)


def test_another_writers_part_is_refused_under_this_ones_name(service, here):
    first = begin(service, here)
    second = begin(service, here, token="t2")
    log(second, {"loss": 1.0})
    header = {**first.writer.header.body, "writer": "0123456789a"}
    taken = service.open_writer(RUN, OpenRequest(token="t3", header=header))
    with pytest.raises(BadValueError, match="names another writer or run"):
        service.append_frames(RUN, taken.writer, 0, 0, parts(here, second)[0])


def test_an_opening_that_is_asked_for_twice_begins_one_writer(service, here):
    asked = opening()
    assert service.open_writer(RUN, asked) == service.open_writer(RUN, asked)
    assert len(service.list_generations(RUN)) == 1


def test_a_run_is_gone_on_with_as_it_was(service, here, tmp_path):
    opened = begin(service, here, config={"lr": 1})
    log(opened, {"loss": 1.0}, {"loss": 0.5})
    opened.writer.end({"exit_code": 1})
    send(service, here, opened)
    elsewhere = FolderStore(tmp_path / "elsewhere")
    again = begin(service, elsewhere, token="t2", resume="must")
    assert (again.next_step, again.before.config, again.before.summary) == (2, {"lr": 1}, {"loss": 0.5})
    log(again, {"loss": 0.25}, first_step=2)
    again.writer.end({"exit_code": 0})
    send(service, elsewhere, again)
    assert values(service) == [1.0, 0.5, 0.25]
    with pytest.raises(UsageError, match='resume="never"'):
        begin(service, here, token="t3", resume="never")
    third = begin(service, FolderStore(tmp_path / "third"), token="t4")
    assert third.before is None
    assert values(service) == []
    assert len(service.list_generations(RUN)) == 2


def test_a_stop_request_comes_back_with_the_next_bytes(service, here):
    opened = begin(service, here)
    log(opened, {"loss": 1.0})
    assert not send(service, here, opened).is_stop_requested
    service.stop_run(RUN)
    for _ in range(2):
        assert service.append_frames(RUN, opened.writer.writer, 0, 0, b"").is_stop_requested


def test_a_deleted_run_takes_no_more_bytes(service, here):
    opened = begin(service, here)
    log(opened, {"loss": 1.0})
    service.delete_run(RUN)
    with pytest.raises(NotFoundError):
        send(service, here, opened)
    with pytest.raises(NotFoundError, match="was deleted"):
        service.open_writer(RUN, OpenRequest(token="t2", header={**opened.writer.header.body, "writer": "0123"}))
    assert ids(service.list_runs("ann", "mnist")) == []


# Journals that began without a server -----------------------------------------------------------------------


def write_offline(layout, *rows, config=None):
    opened = open_run(layout, RUN, {"name": "offline", "set": flatten(config or {})})
    log(opened, *rows)
    opened.writer.end({"exit_code": 0})
    return opened


def take_on(service, opened, token="t"):
    header = {**opened.writer.header.body, "writer": opened.writer.writer}
    return service.open_writer(RUN, OpenRequest(token=token, header=header))


def test_a_run_that_was_written_offline_is_taken_on_whole(service, here):
    opened = write_offline(here, {"loss": 1.0}, {"loss": 2.0}, config={"lr": 3})
    grant = take_on(service, opened)
    assert (grant.path, grant.number, grant.offset) == (RUN, 0, 0)
    send(service, here, opened)
    info = service.read_run(RUN)
    assert (info.name, info.config, info.state, info.row_count) == ("offline", {"lr": 3}, "finished", 2)
    assert info.incarnation == opened.incarnation
    again = take_on(service, opened)
    (data,) = parts(here, opened).values()
    assert (again.number, again.offset) == (0, len(data))


def test_a_run_of_another_life_under_that_id_is_kept_beside(service, here, tmp_path):
    other = begin(service, FolderStore(tmp_path / "other"))
    log(other, {"loss": 9.0})
    send(service, FolderStore(tmp_path / "other"), other)
    opened = write_offline(here, {"loss": 1.0})
    grant = take_on(service, opened)
    assert grant.path == RUN._replace(run_id=f"a-{opened.incarnation[:8]}")
    assert take_on(service, opened).path == grant.path
    send(service, here, opened, to=grant.path)
    assert (values(service), values(service, path=grant.path)) == ([9.0], [1.0])
    assert service.read_run(grant.path).run_id == grant.path.run_id
    with pytest.raises(ConflictError, match="another one here"):
        service.open_writer(RUN, opening(token="t9", incarnation=opened.incarnation))


def test_a_part_that_is_sealed_already_is_said_to_be_here(service, here):
    opened = begin(service, here)
    log(opened, {"loss": 1.0})
    opened.writer.end({"exit_code": 0})
    send(service, here, opened)
    assert list(service.seal("ann", "mnist")) == [(RUN, 1)]
    send(service, here, opened)
    assert values(service) == [1.0]
    (data,) = parts(here, opened).values()
    grant = take_on(service, opened)
    assert grant.number == 1 or grant.offset == len(data)


def test_several_parts_come_in_their_order(service, here):
    opened = open_granted(here, service.open_writer(RUN, opening()), limits=WriterLimits(rows_per_part=10))
    log(opened, *({"loss": float(i)} for i in range(35)))
    opened.writer.end({"exit_code": 0})
    sent = parts(here, opened)
    assert len(sent) == 4
    for number in (0, 1):
        service.append_frames(RUN, opened.writer.writer, number, 0, sent[number])
    list(service.seal("ann", "mnist"))
    with pytest.raises(ConflictError, match="send that first"):
        service.append_frames(RUN, opened.writer.writer, 3, 0, sent[3])
    send(service, here, opened)
    assert values(service) == [float(i) for i in range(35)]


def test_half_a_frame_that_a_killed_server_left_is_cut_off(service, root, here):
    opened = begin(service, here)
    (before,) = parts(here, opened).values()
    log(opened, {"loss": 1.0}, {"loss": 2.0})
    (data,) = parts(here, opened).values()
    there = FolderStore(root).journal_dir(RUN) / str(PartName(opened.writer.writer, 0))
    for cut in range(len(before) + 1, len(data)):
        there.write_bytes(data[:cut])
        assert service.append_frames(RUN, opened.writer.writer, 0, len(before), data[len(before) :])
        assert there.read_bytes() == data
        os.truncate(there, len(before))


def test_two_processes_of_the_server_may_take_the_same_bytes(service, local, root, here):
    other = LocalService(root, default_entity="ann")
    opened = begin(service, here)
    for step in range(6):
        log(opened, {"loss": float(step)}, first_step=step)
        (data,) = parts(here, opened).values()
        for each in (service, other) if step % 2 else (other, service):
            assert each.append_frames(RUN, opened.writer.writer, 0, 0, data).next_offset == len(data)
    assert values(service) == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def test_requests_and_their_retries_that_race_in_several_workers_leave_the_bytes_once(local, root, here):
    workers = [LocalService(root, default_entity="ann") for _ in range(3)]
    opened = begin(local, here)
    log(opened, *({"loss": float(step)} for step in range(2000)))
    opened.writer.end({"exit_code": 0})
    (data,) = parts(here, opened).values()
    ends = [end for number, end in enumerate(frame_ends(data)) if number % 97 == 0] + [len(data)]

    def send_all(worker):
        offset = 0
        while offset < len(data):
            end = next(end for end in ends if end > offset)
            offset = worker.append_frames(RUN, opened.writer.writer, 0, offset, data[offset:end]).next_offset

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(send_all, workers * 2))
    assert parts(FolderStore(root), opened) == {0: data}


def test_the_frames_of_a_grant_are_those_of_the_run_that_was_opened(service):
    grant = service.open_writer(RUN, opening(name="n", config={"lr": 1}))
    said = [kind for kind, _ in records(grant.frames)]
    assert said == [record.PART, record.START]
    assert grant.offset == len(grant.frames)
