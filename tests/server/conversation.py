"""One request to an application in this process whose answer is read while it goes on, and that can be left waiting."""

import asyncio
import base64
import threading

from waiting import wait_until

NO_MORE = object()


class Conversation:
    """`body` are the pieces that are sent; with `waits` more of them is promised, and never comes."""

    def __init__(self, server, method, path, *, who=None, query="", body=(), headers=(), waits=False, reads=True):
        headers = [(b"host", b"lake"), *headers]
        if who is not None:
            key = base64.b64encode(f"api:{server.keys[who]}".encode())
            headers.append((b"authorization", b"Basic " + key))
        self._scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "scheme": "http",
            "query_string": query.encode(),
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("lake", 80),
        }
        self._pieces = list(body)
        self._waits, self._reads = waits, reads
        self.status, self.headers, self.body = None, {}, b""
        self.is_whole = False
        self.is_waiting = False
        self._is_over = threading.Event()
        self._app, self._portal = server.app, server.portal
        self._gone = None
        self._portal.start_task_soon(self._go)

    async def _go(self):
        self._gone = asyncio.Event()
        try:
            await self._app(self._scope, self._receive, self._send)
        finally:
            self._is_over.set()

    async def _receive(self):
        if self._pieces:
            piece = self._pieces.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(self._pieces) or self._waits}
        if not self._waits and not self.body and self.status is None and self._pieces == []:
            self._pieces = None
            return {"type": "http.request", "body": b"", "more_body": False}
        self.is_waiting = True
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message):
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
            return
        self.body += message.get("body", b"")
        if not message.get("more_body", False):
            self.is_whole = True
            self._gone.set()
        elif not self._reads:
            self.is_waiting = True
            await self._gone.wait()

    def wait_for(self, text):
        """Until the answer so far holds the text."""
        wait_until(lambda: text in self.body, f"{text!r} in the answer")
        return self

    def wait_until_it_waits(self):
        """Until the application waits for this client."""
        wait_until(lambda: self.is_waiting, "the application waits")
        return self

    def wait_for_end(self):
        """Until the application has nothing more to say; its client is gone then."""
        wait_until(self._is_over.is_set, "the request is over")
        self._portal.call(self._gone.set)
        return self

    @property
    def is_over(self):
        return self._is_over.is_set()

    def leave(self):
        """The client goes away."""
        self._portal.call(self._gone.set)
        return self.wait_for_end()
