"""Files that are being sent are closed where the answer ends."""

import io
import threading

import pytest
from anyio import from_thread

from runlake.server.http.open_files import CloseFiles, OpenFiles, SentFile, open_files_of
from waiting import DEADLINE_S


class Slow(io.BytesIO):
    """Content that takes until `go_on` is set to be read."""

    def __init__(self, content):
        super().__init__(content)
        self.begun, self.go_on = threading.Event(), threading.Event()

    def read(self, byte_count=-1):
        self.begun.set()
        assert self.go_on.wait(DEADLINE_S)
        return super().read(byte_count)


def test_pieces_are_read_from_where_they_are_until_the_file_is_closed():
    content = io.BytesIO(b"abcdef")
    file = SentFile(content)
    assert [file.read(2, 2), file.read(0, 3), file.read(4, 9)] == [b"cd", b"abc", b"ef"]
    file.close()
    assert (file.read(0, 3), content.closed) == (b"", True)


def test_a_file_that_is_being_read_is_closed_by_who_reads():
    content = Slow(b"abc")
    file, read = SentFile(content), []
    reader = threading.Thread(target=lambda: read.append(file.read(0, 3)))
    reader.start()
    assert content.begun.wait(DEADLINE_S)
    file.close()
    assert not content.closed
    content.go_on.set()
    reader.join()
    assert (read, content.closed) == ([b"abc"], True)


def test_a_file_that_is_opened_when_the_answer_has_ended_is_closed_at_once():
    files, early, late = OpenFiles(), io.BytesIO(b"a"), io.BytesIO(b"b")
    files.add(early)
    files.close()
    files.add(late)
    assert (early.closed, late.closed) == (True, True)


def test_an_answer_that_breaks_off_has_its_files_closed():
    content = io.BytesIO(b"abc")

    async def app(scope, receive, send):
        open_files_of(scope).add(content)
        raise ConnectionResetError

    with from_thread.start_blocking_portal() as portal, pytest.raises(ConnectionResetError):
        portal.call(CloseFiles(app), {}, None, None)
    assert content.closed
