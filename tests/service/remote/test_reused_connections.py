"""What is asked of a server one after the other goes through one connection."""

import io

from runlake.model import RunPath
from runlake.service.local.service import LocalService
from runlake.service.remote.service import RemoteService
from served import Holder, SocketServer, make_app
from written_run import write_run

RUN = RunPath("ann", "p", "r")


def test_files_that_are_read_to_their_ends_need_one_connection(tmp_path):
    write_run(tmp_path / "store", str(RUN))
    holder, clients = Holder(), set()
    holder.service = LocalService(tmp_path / "store", default_entity="ann", user="ann")
    answer = make_app(holder)

    async def app(scope, receive, send):
        clients.add(scope["client"])
        await answer(scope, receive, send)

    server = SocketServer(app)
    service = RemoteService(server.url)
    contents = {"a": b"", "b": b"text", "c": bytes(3_000_000)}
    try:
        for name, content in contents.items():
            service.put_file(RUN, name, io.BytesIO(content))
        clients.clear()
        for name, content in contents.items():
            with service.open_file(RUN, name) as file:
                assert file.read(len(content) + 1) == content
        assert len(clients) == 1
    finally:
        service.close()
        server.stop()
        holder.service.close()
