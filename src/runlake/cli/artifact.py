"""``runlake artifact``: files into the store as a version, a version into a folder, and what there is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runlake.cli import output
from runlake.cli.documents import artifact_document
from runlake.cli.format import format_count, format_size
from runlake.cli.ls import DEFAULT_LIMIT
from runlake.cli.ls_artifacts import list_collections, list_versions
from runlake.cli.opening import default_project, find_project, open_store
from runlake.errors import PathError

if TYPE_CHECKING:
    from runlake.artifacts.artifact import Artifact

artifact_commands = typer.Typer(rich_markup_mode=None, help="Artifacts: versions of sets of files.")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@artifact_commands.command()
def put(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="PATH", help="A file, a folder, or an address (s3://…, https://…).")],
    name: Annotated[
        str | None,
        typer.Option("--name", "-n", help="NAME, PROJECT/NAME or ENTITY/PROJECT/NAME.  [default: as PATH is called]"),
    ] = None,
    type: Annotated[str, typer.Option("--type", "-t", help="What kind of thing it is: model, dataset …")] = "dataset",
    aliases: Annotated[
        list[str] | None,
        typer.Option("--alias", "-a", help="A name of this version; may be repeated.  [default: latest]"),
    ] = None,
    description: Annotated[str | None, typer.Option("--description", "-d", help="What it is.")] = None,
    as_json: AsJson = False,
) -> None:
    """Keep files as the next version of an artifact. The same files again are the same version."""
    from runlake.artifact_model import ArtifactStart
    from runlake.artifacts.artifact import Artifact
    from runlake.artifacts.make import make_version
    from runlake.artifacts.names import parse_collection, safe_name

    with open_store(context) as service:
        own_name = safe_name(source.rstrip("/").rpartition("/")[2])
        path = parse_collection(name or own_name, service.default_entity, default_project())
        artifact = Artifact(path.name, type)
        _add(artifact, source)
        start = ArtifactStart(
            type=type,
            artifact_id=artifact.contents.artifact_id,
            description=description,
            aliases=tuple(dict.fromkeys([*(aliases or ()), "latest"])),
        )
        entries = list(artifact.contents.entries.values())
        made = make_version(service, path, start, entries, shows_progress=True)
    if as_json:
        output.print_json(artifact_document(made))
        return
    output.print_line(str(made.path))
    output.note(f"{format_count(made.file_count, 'file')}, {format_size(made.size_bytes)}: {', '.join(made.aliases)}")


@artifact_commands.command()
def get(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME[:VERSION]", help="[ENTITY/][PROJECT/]NAME:ALIAS, or :v3.")],
    root: Annotated[
        Path | None, typer.Option(help="The folder to put its files in.  [default: artifacts/NAME:VERSION]")
    ] = None,
    hard_links: Annotated[
        bool, typer.Option("--hard-links", help="Link to the store's own files, read-only, in place of copies.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Copy the files of an artifact into a folder. What is there already, unchanged, does not come again."""
    from runlake.api.api import Api

    with open_store(context) as service:
        artifact = Api(service=service).artifact(name)
        folder = artifact.download(root, hard_links=hard_links)
    info = artifact.info
    assert info is not None, "what was read is kept"
    if as_json:
        output.print_json({**artifact_document(info), "folder": folder})
        return
    output.print_line(folder)
    output.note(f"{info.path}: {format_count(info.file_count, 'file')}, {format_size(info.size_bytes)}")


@artifact_commands.command("ls")
def ls(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(help="PROJECT or ENTITY/PROJECT: its artifacts; ENTITY/PROJECT/NAME: its versions.")
    ] = None,
    type: Annotated[str | None, typer.Option("--type", "-t", help="Only artifacts of this type.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="List at most so many.")] = DEFAULT_LIMIT,
    everything: Annotated[bool, typer.Option("--all", help="List every one, whatever the limit.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the artifacts of a project, or of all; or the versions of one, the newest first."""
    from runlake.artifacts.names import parse_collection

    shown = None if everything else limit
    with open_store(context) as service:
        if name is not None and name.strip("/").count("/") == 2:
            if type is not None:
                raise PathError(f"--type chooses artifacts of a project, and {name} is one artifact; leave it out")
            path = parse_collection(name, service.default_entity, default_project())
            list_versions(service, path, limit=shown, as_json=as_json)
            return
        projects = (
            [(found.entity, found.name) for found in service.list_projects()]
            if name is None
            else [find_project(service, name)]
        )
        list_collections(service, projects, type=type, limit=shown, where=name or service.url, as_json=as_json)


def _add(artifact: Artifact, source: str) -> None:
    if "://" in source:
        artifact.add_reference(source)
    elif Path(source).is_dir():
        artifact.add_dir(source, policy="immutable")
    elif Path(source).is_file():
        artifact.add_file(source, policy="immutable")
    else:
        raise PathError(f"{source!r} is no file and no folder, seen from {Path.cwd()}")
