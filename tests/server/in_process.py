"""The whole application in this process, asked without a socket."""

import httpx
from anyio.from_thread import start_blocking_portal

from runlake.server.app import build_app
from runlake.server.config import ServerConfig


class InProcess:
    """A server over the store at `root`; the user ``ann`` is an admin. `beside` another one, the people are its."""

    def __init__(self, root, *, beside=None, **settings):
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.config = ServerConfig(root=str(root), default_entity="ann", **settings)
        self.app, self.litestar, self.context = build_app(self.config)
        self.people, self.service = self.context.people, self.context.service
        self.keys = {} if beside is None else beside.keys
        if beside is None:
            self.add_user("ann", is_admin=True)
        self._portal_manager = start_blocking_portal()
        self.portal = self._portal_manager.__enter__()

    def add_user(self, name, **more):
        self.keys[name] = self.people.add_user(name, **more).key

    def routes(self):
        return self.litestar.routes

    def ask(self, method, path, *, who=None, **options):
        """One request of a person, or of nobody."""
        return self.portal.call(self.answer, method, path, who, options)

    def start(self, function, *arguments):
        """An async function, begun in the server's own loop: a future."""
        return self.portal.start_task_soon(function, *arguments)

    async def answer(self, method, path, who, options):
        """As `ask`, in the server's own loop."""
        auth = None if who is None else ("api", self.keys[who])
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://lake") as client:
            return await client.request(method, path, auth=auth, **options)

    def call(self, work):
        """What an async function gives, in the event loop of the server."""
        return self.portal.call(work)

    def close(self):
        # What a test that failed has left open would be waited for, and never end.
        self.portal.call(self.portal.stop, True)
        self._portal_manager.__exit__(None, None, None)
        self.context.close()
