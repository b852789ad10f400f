"""A reverse proxy that serves a page below a prefix."""

import httpx

from waiting import DEADLINE_S

PREFIX = "/hub/user/ann/proxy/8090"


def prefix_proxy(url):
    """A reverse proxy as those of notebooks are: it takes a prefix off, and passes on what it was called."""

    async def app(scope, receive, send):
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        assert scope["path"].startswith(f"{PREFIX}/")
        target = httpx.URL(url, raw_path=scope["raw_path"].removeprefix(PREFIX.encode()))
        async with httpx.AsyncClient(timeout=DEADLINE_S) as client:
            answer = await client.request(scope["method"], target, headers=scope["headers"], content=body)
        headers = [(n, v) for n, v in answer.headers.raw if n.lower() not in (b"content-encoding", b"content-length")]
        await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": answer.content})

    return app
