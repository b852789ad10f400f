"""``runlake serve``: the store for a team. ``runlake login`` and ``logout``: the key for such a server."""

from __future__ import annotations

import getpass
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from runlake.cli import output
from runlake.cli.people import AsJson, Store, people_url, store_folder
from runlake.errors import AuthenticationError, BadValueError, CommError

if TYPE_CHECKING:
    from runlake.artifact_model import UploadWay
    from runlake.server.config import ServerConfig

DEFAULT_PORT = 8080


class LogFormatName(StrEnum):
    """How a server says what it does."""

    JSON = "json"
    TEXT = "text"


class UploadsName(StrEnum):
    """Where clients put the files of artifacts."""

    BUCKET = "bucket"
    SERVER = "server"


def serve(
    context: typer.Context,
    store: Store = None,
    host: Annotated[
        str, typer.Option("--host", help="The address to listen on; 0.0.0.0 for all of this machine.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 for any that is free.")] = DEFAULT_PORT,
    workers: Annotated[int, typer.Option("--workers", min=1, max=64, help="How many processes answer.")] = 1,
    tls_cert: Annotated[
        Path | None, typer.Option("--tls-cert", help="A certificate with its chain (PEM): https then.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option("--tls-key", help="The private key of the certificate.")] = None,
    base_url: Annotated[
        str | None,
        typer.Option("--base-url", metavar="URL", help="What clients call this server, behind a proxy for example."),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option("--allow-origin", metavar="ORIGIN", help="A web page that may ask; all may if none is named."),
    ] = None,
    embed_from: Annotated[
        list[str] | None,
        typer.Option("--embed-from", metavar="ORIGIN", help="A web page that may show ours in a frame."),
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(
            "--limit",
            metavar="NAME=NUMBER",
            envvar="RUNLAKE_SERVER_LIMITS",
            help="What one client may ask for, max_body_bytes=1048576 for example; may be given several times.",
        ),
    ] = None,
    log_format: Annotated[
        LogFormatName | None,
        typer.Option("--log-format", help="json or text.  [default: text on a terminal, else json]"),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            "--database",
            metavar="URL",
            envvar="RUNLAKE_DATABASE",
            help="A PostgreSQL, postgresql://USER@HOST/NAME, in place of a folder; goes with --bucket.",
        ),
    ] = None,
    bucket: Annotated[
        str | None,
        typer.Option(
            "--bucket",
            metavar="URL",
            envvar="RUNLAKE_BUCKET",
            help="A bucket, s3://BUCKET/FOLDER; its keys come from the variables of AWS's tools.",
        ),
    ] = None,
    bucket_for_clients: Annotated[
        str | None,
        typer.Option(
            "--bucket-for-clients",
            metavar="URL|no",
            envvar="RUNLAKE_BUCKET_FOR_CLIENTS",
            help="The bucket's server as clients reach it; no: they do not.  [default: as this server does]",
        ),
    ] = None,
    uploads: Annotated[
        UploadsName,
        typer.Option(
            "--uploads",
            envvar="RUNLAKE_UPLOADS",
            help="Whether clients put files of artifacts straight into the bucket, where it lets them, or through us.",
        ),
    ] = UploadsName.BUCKET,
    ducklake: Annotated[
        str | None,
        typer.Option(
            "--ducklake",
            metavar="SCHEMA",
            envvar="RUNLAKE_DUCKLAKE",
            help="Mirror what is sealed as a DuckLake catalog, in this schema of the database.",
        ),
    ] = None,
    cache_dir: Annotated[
        Path | None, typer.Option("--cache-dir", help="Where objects of the bucket are kept that were read.")
    ] = None,
    cache_bytes: Annotated[int, typer.Option("--cache-bytes", min=1 << 20, help="So many bytes of them at most.")] = 4
    << 30,
    take_over_bucket: Annotated[
        bool,
        typer.Option("--take-over-bucket", help="The store that owned the bucket is gone, as after a restore."),
    ] = False,
) -> None:
    """Let a team use the store: over HTTP, with API keys, for runlake and for the official wandb client.

    The first start makes an admin and prints the key, this once. The server ends with SIGTERM or Ctrl-C, when
    requests that have begun are answered.
    """
    from runlake.cli.serving_process import become
    from runlake.server.config import ServerConfig
    from runlake.server.http.logs import configure_logs, logger
    from runlake.server.page.embedding import checked_origins
    from runlake.server.private_files import keep_private
    from runlake.server.serving import Tls, address_of, listen
    from runlake.server.serving import serve as run_server

    if (tls_cert is None) != (tls_key is None):
        raise typer.BadParameter("--tls-cert and --tls-key go together")
    tls = Tls(tls_cert, tls_key) if tls_cert is not None and tls_key is not None else None
    if tls is not None:
        tls.check()
    if (database is None) != (bucket is None):
        raise typer.BadParameter("--database and --bucket go together: the one has what changes, the other what stays")
    if database is None:
        for option, is_given in (("--take-over-bucket", take_over_bucket), ("--ducklake", ducklake is not None)):
            if is_given:
                raise typer.BadParameter(f"{option} needs --database and --bucket")
        root, entity = store_folder(context, store)
        place = str(root)
        warning = keep_private(root)
        upload_way: UploadWay = "server"
    else:
        root, entity, place, upload_way = _cluster(
            database, bucket or "", cache_dir, takes_over=take_over_bucket, ducklake=ducklake
        )
        warning = None
    config = ServerConfig(
        root=str(root),
        default_entity=entity,
        store_database_url=database,
        bucket_url=bucket,
        cache_bytes=cache_bytes,
        leads_to_bucket=bucket_for_clients != "no",
        upload_way="server" if bucket_for_clients == "no" or uploads is UploadsName.SERVER else upload_way,
        ducklake=ducklake,
        bucket_endpoint=_checked_url(bucket_for_clients) if bucket_for_clients not in (None, "no") else None,
        base_url=_checked_url(base_url) if base_url is not None else None,
        database_url=people_url(os.environ) or database,
        workers=workers,
        allowed_origins=tuple(allow_origin) if allow_origin else ("*",),
        embed_from=checked_origins(embed_from or ()),
        is_tls=tls is not None or (base_url or "").startswith("https:"),
        log_format=_log_format(log_format),
    ).with_limits(limit or ())
    if warning is not None:
        configure_logs(config.log_format)
        logger.warning(warning)  # as all else that goes to stderr: who reads it as JSON can
    with listen(host, port) as listening:
        url = config.base_url or address_of(listening, host=host, is_tls=tls is not None)
        _greet_first_admin(config, url)
        output.print_line(f"{place} is served at {url}")
        output.flush()
        if bucket is not None and workers == 1 and os.name == "posix":
            become(config, listening, tls)
        run_server(config, listening, tls=tls)


def login(
    url: Annotated[str | None, typer.Argument(help="The server; else what the setting base_url says.")] = None,
    key: Annotated[
        str | None,
        typer.Option("--key", metavar="KEY", help="The API key; asked for, or read from stdin, if not given."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Keep the API key for a server, so that init, Api and wandb's own client find it: in netrc.

    The server is asked whose key it is; nothing is kept when it does not know it.
    """
    from runlake.credentials import host_of, keep_key

    base_url = _server_url(url)
    host = host_of(base_url)
    user = _ask_whose(base_url, given := key if key is not None else _read_key(host))
    path = keep_key(base_url, given, os.environ)
    if as_json:
        output.print_json({"url": base_url, "user": user, "file": str(path)})
    else:
        output.note(f"signed in to {base_url} as {user}; the key is in {path}")


def logout(
    url: Annotated[str | None, typer.Argument(help="The server; else what the setting base_url says.")] = None,
    as_json: AsJson = False,
) -> None:
    """Forget the API key of a server: the entry of its host in netrc. The key stays valid."""
    from runlake.credentials import forget_key, netrc_path

    base_url = _server_url(url)
    was_there = forget_key(base_url, os.environ)
    path = netrc_path(os.environ)
    if as_json:
        output.print_json({"url": base_url, "was_signed_in": was_there, "file": str(path)})
    else:
        output.note(f"took the key for {base_url} out of {path}" if was_there else f"no key for {base_url} in {path}")


def _cluster(
    database: str, bucket: str, cache_dir: Path | None, *, takes_over: bool, ducklake: str | None
) -> tuple[Path, str, str, UploadWay]:
    """A folder for what is read from the bucket, the default entity, what to call the store, how uploads may come.

    The tables are made, and the bucket must be one that keeps what it promises: `StoreError` says what it does not.
    """
    from runlake.service.open import cache_of_bucket, prepare_cluster
    from runlake.settings import resolve

    folder = cache_dir or cache_of_bucket(bucket, os.environ)
    place, upload_way = prepare_cluster(database, bucket, takes_over=takes_over, ducklake=ducklake)
    return folder, resolve({}, os.environ, Path.cwd()).entity, place, upload_way


def _greet_first_admin(config: ServerConfig, url: str) -> None:
    """On a store without people, make one who may everything, and say how to sign in."""
    from runlake.server.people.people import check_entity_name, open_people

    people = open_people(Path(config.root), config.database_url)
    try:
        if people.list_users():
            return
        try:
            name = check_entity_name(config.default_entity)
        except BadValueError:
            name = "admin"  # the login's name cannot be that of an entity of a server
        added = people.add_user(name, is_admin=True)
    finally:
        people.close()
    output.print_line(f"First start: {name} is the admin, with this key, which is not shown again:")
    output.print_line()
    output.print_line(f"  export WANDB_BASE_URL={url}")
    output.print_line(f"  export WANDB_API_KEY={added.key}")
    output.print_line()
    output.print_line(f"or, to keep it on a machine: runlake login {url}, wandb login --host {url}")
    output.print_line()


def _checked_url(url: str) -> str:
    from runlake.credentials import host_of

    host_of(url)
    return url.rstrip("/")


def _log_format(chosen: LogFormatName | None) -> Literal["json", "text"]:
    if chosen is not None:
        return chosen.value
    return "text" if sys.stderr.isatty() else "json"


def _server_url(url: str | None) -> str:
    from runlake.settings import resolve

    found = url or resolve({}, os.environ, Path.cwd()).base_url or os.environ.get("WANDB_BASE_URL")
    if not found:
        raise typer.BadParameter(
            "which server? name it, as in: runlake login http://host:8080, or set RUNLAKE_BASE_URL"
        )
    return _checked_url(found)


def _read_key(host: str) -> str:
    if output.can_ask():
        return getpass.getpass(f"API key for {host}: ").strip()
    return sys.stdin.readline().strip()


def _ask_whose(base_url: str, key: str) -> str:
    """The name of the user whose key it is, as the server says."""
    import httpx

    if not key:
        raise AuthenticationError("no API key was given; an admin of the server makes one: runlake key create USER")
    question: dict[str, Any] = {"query": "query Viewer { viewer { username } }", "operationName": "Viewer"}
    try:
        answer = httpx.post(f"{base_url}/graphql", json=question, auth=("api", key), timeout=30.0)
        found = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise CommError(f"{base_url} cannot be reached ({error}); the key was not kept") from None
    except (ValueError, UnicodeError):
        raise CommError(f"{base_url} does not answer as a runlake server does; the key was not kept") from None
    viewer = (found.get("data") or {}).get("viewer") if isinstance(found, dict) else None
    if answer.status_code in (401, 403) or (answer.is_success and not viewer):
        raise AuthenticationError(f"{base_url} does not know this key; it was not kept")
    if not isinstance(viewer, dict):
        raise CommError(f"{base_url} answers with status {answer.status_code}; the key was not kept")
    return str(viewer.get("username"))
