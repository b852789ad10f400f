"""The official client logs artifacts over a network that loses requests, and to a server that is killed."""

import contextlib
import dataclasses
import functools
from pathlib import Path

import pytest
from running import KEY, ServerProcess
from seat import Done, FolderPlace, Seat

from fault_proxy import FaultProxy
from runlake.artifact_model import CollectionPath, digest_of
from runlake.service.local.service import LocalService
from waiting import wait_until

TOUR = Path(__file__).parent / "faulty_tour.py"


def check_versions(store, entity, answers, count):
    """That there are two versions, and each holds the bytes that were logged."""
    data = CollectionPath(entity, "faults", "data")
    with contextlib.closing(LocalService(store, default_entity=entity, user=entity)) as service:
        assert [info.version for info in service.list_artifacts(data)] == ["v1", "v0"]
        for number in range(2):
            path = data.at(f"v{number}")
            manifest = service.read_manifest(path)
            assert answers[f"round{number}"] == [f"v{number}", digest_of(manifest)]
            found = {}
            for entry in manifest:
                with service.open_content(path, entry.path) as file:
                    found[entry.path] = file.read().decode()
            files = {f"{one}.txt": f"{one}\n" * 1000 for one in range(count)}
            assert found == {**files, "changed.txt": str(number)}


@pytest.mark.long
@pytest.mark.parametrize("fault", ["drop", "mute", "twice", "half"])
def test_a_network_that_loses_requests_loses_no_file(seat, fault):
    host, _, port = seat.url.removeprefix("http://").partition(":")
    script = ([fault] + ["pass"] * 4) * 8
    proxy = FaultProxy(lambda: (host, int(port)), script)
    faulty = dataclasses.replace(seat, url=f"http://127.0.0.1:{proxy.port}", home=seat.home / fault)
    entity = f"lab-{fault}"
    try:
        answers = faulty.run(TOUR, entity, 4, timeout_s=600).answers()
    finally:
        proxy.stop()
    assert proxy.done.count(fault) >= 5
    check_versions(seat.store, entity, answers, 4)


@pytest.mark.long
def test_a_server_that_is_killed_again_and_again_loses_no_file(tmp_path):
    server = ServerProcess(tmp_path / "store").start()
    seat = Seat(tmp_path / "seat", FolderPlace(tmp_path / "store"), server.url, key=KEY)
    content = tmp_path / "store" / "artifacts" / "content"
    process = seat.start(TOUR, "ann", 300)
    try:
        for count in (20, 120, 250):
            wait_until(functools.partial(has_files, content, count), "files came")
            server.kill()
            server.start()
        printed, complaints = process.communicate(timeout=600)
    finally:
        process.kill()
        server.kill()
    assert process.returncode == 0, complaints
    check_versions(tmp_path / "store", "ann", Done(0, printed, complaints, tmp_path).answers(), 300)


def has_files(folder, count):
    return len([*folder.glob("*/*")]) >= count
