"""``runlake ui``: the page over a folder, in a browser on this machine."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from runlake.cli import output
from runlake.cli.opening import GlobalOptions
from runlake.errors import CommError, NotSupportedError

if TYPE_CHECKING:
    import socket

DEFAULT_PORT = 8090
_HOST = "127.0.0.1"


def ui(
    context: typer.Context,
    store: Annotated[
        str | None, typer.Argument(metavar="[STORE]", help="The folder; without it the store that settings name.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            "--port", min=0, max=65535, help=f"0 for any that is free.  [default: {DEFAULT_PORT}, or one that is free]"
        ),
    ] = None,
    no_open: Annotated[bool, typer.Option("--no-open", help="Open no browser; print the address only.")] = False,
    read_only: Annotated[bool, typer.Option("--read-only", help="Nothing can be changed in the page.")] = False,
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", metavar="NAME", help="A name that browsers may call this machine by, as proxies."),
    ] = None,
    embed_from: Annotated[
        list[str] | None,
        typer.Option("--embed-from", metavar="ORIGIN", help="A page that may show this one in a frame, as notebooks."),
    ] = None,
) -> None:
    """Look at the runs of a folder in a browser, on this machine, without an account.

    The address is the only line on stdout. It lets one browser in, once, and is good for nothing afterwards. The page
    ends with SIGTERM or Ctrl-C.
    """
    from runlake.service.open import open_service
    from runlake.settings import is_server

    options = context.obj if isinstance(context.obj, GlobalOptions) else GlobalOptions()
    with output.warnings_as_notes():
        service = open_service(store or options.store)
        if is_server(service.url):
            raise NotSupportedError(
                f"{service.url} is a server and shows its page itself: open that address; or name a folder, as in: "
                "runlake ui STORE"
            )
        try:
            from runlake.server.page.files import is_built
            from runlake.server.ui import build_ui, serve_ui
        except ModuleNotFoundError as error:
            service.close()
            raise NotSupportedError(
                f'runlake ui needs the package {error.name!r}, which is not installed; run: pip install "runlake[ui]"'
            ) from None
        page = build_ui(service, allowed_hosts=allow_host or (), is_read_only=read_only, embed_from=embed_from or ())
        with _listen(port) as listening:
            address = f"http://{_HOST}:{listening.getsockname()[1]}/#token={page.token}"
            if not is_built():
                output.note("this runlake was installed without its page; in a checkout, build it with: make page")

            def announce() -> None:
                output.print_line(address)
                output.flush()
                if not no_open and _has_display(os.environ):
                    _open_browser(address)

            serve_ui(page, listening, announce)


def _listen(port: int | None) -> socket.socket:
    """At the port; where none was asked for and the usual one is taken, at one that is free."""
    from runlake.server.serving import listen

    if port is not None:
        return listen(_HOST, port)
    try:
        return listen(_HOST, DEFAULT_PORT)
    except CommError:
        return listen(_HOST, 0)


def _has_display(environ: Mapping[str, str]) -> bool:
    """Whether a browser would be seen by whoever typed the command."""
    if sys.platform in ("win32", "darwin"):
        return "SSH_CONNECTION" not in environ
    return bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def _open_browser(address: str) -> None:
    """Have the address opened, whoever takes how long for it."""
    import webbrowser

    threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
