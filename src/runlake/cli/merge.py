"""``runlake merge``: two stores into one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runlake.cli import output
from runlake.cli.documents import merged_artifact_document, merged_document, merged_sweep_document
from runlake.cli.format import format_count, format_size
from runlake.cli.opening import open_store
from runlake.errors import RunlakeError
from runlake.model import Merged

if TYPE_CHECKING:
    from runlake.service.contract import Service

WORDS: dict[str, str] = {
    "new": "new",
    "joined": "joined",
    "same": "the same",
    "deleted": "left out (deleted)",
    "empty": "left out (nothing in it yet)",
    "differs": "left as they are (they differ)",
}
"""What the end says of each outcome."""


def merge(
    context: typer.Context,
    other: Annotated[Path, typer.Argument(metavar="OTHER_STORE", help="The folder of the other store; only read.")],
    projects: Annotated[
        list[str] | None,
        typer.Option("--project", metavar="ENTITY/PROJECT", help="Only this project; may be repeated."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be brought.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Bring everything of another store into this one. Doing it twice is harmless."""
    merged: list[Merged] = []
    failure: RunlakeError | None = None
    with open_store(context) as service:
        chosen = _chosen(service, projects)
        found = service.merge_from(other, projects=chosen, is_dry_run=dry_run)
        run_count = _count_runs(other, chosen)
        with output.progress(f"merge {other}") as report:
            try:
                for count, one in enumerate(found, 1):
                    merged.append(one)
                    report(count, max(count, run_count))
            except RunlakeError as error:  # what was brought until then is told all the same
                failure = error
    told = [one for one in merged if one.outcome != "same" or one.is_running]
    if as_json:
        document = {
            "is_dry_run": dry_run,
            "runs": [merged_document(one) for one in merged if not (one.is_sweep or one.is_artifact)],
            "sweeps": [merged_sweep_document(one) for one in merged if one.is_sweep],
            "artifacts": [merged_artifact_document(one) for one in merged if one.is_artifact],
        }
        output.print_json(document)
    elif told:
        output.print_table(("RUN", "OUTCOME", "SIZE", "NOTE"), [_row(one) for one in told], right=("SIZE",))
    if failure is not None:
        raise failure
    output.note(f"{'would bring' if dry_run else 'brought'} {_summary(merged)}")


def _chosen(service: Service, projects: list[str] | None) -> list[tuple[str, str]] | None:
    from runlake.api.paths import parse_project_path

    return [parse_project_path(text.rstrip("/"), service.default_entity) for text in projects] if projects else None


def _count_runs(other: Path, projects: list[tuple[str, str]] | None) -> int:
    from runlake.service.open import open_service

    found = open_service(other).list_projects()
    return sum(each.run_count for each in found if projects is None or (each.entity, each.name) in projects)


def _row(merged: Merged) -> tuple[str, str, str, str]:
    if merged.is_artifact:
        return _artifact_row(merged)
    notes = [f"was {merged.source.run_id}, which is another run here"] if merged.is_renamed else []
    notes += ["still running: merge again later"] if merged.is_running else []
    notes += [f"kept {', '.join(merged.kept_beside)}"] if merged.kept_beside else []
    notes += ["it went on in both stores: nothing was taken"] if merged.outcome == "differs" else []
    entity, project, name = merged.path
    place = f"{entity}/{project}/sweeps/{name}" if merged.is_sweep else str(merged.path)
    return place, merged.outcome, format_size(merged.copied_bytes), "; ".join(notes)


def _artifact_row(merged: Merged) -> tuple[str, str, str, str]:
    notes = [f"is called {merged.source.run_id} there"] if merged.is_renamed else []
    notes += [format_count(merged.version_count, "version")] if merged.version_count else []
    notes += [f"{format_count(merged.deleted_count, 'version')} deleted there"] if merged.deleted_count else []
    notes += ["it is of another type or kind here: nothing was taken"] if merged.outcome == "differs" else []
    entity, project, name = merged.path
    return f"{entity}/{project}/artifacts/{name}", merged.outcome, format_size(merged.copied_bytes), "; ".join(notes)


def _summary(merged: list[Merged]) -> str:
    counts: Counter[str] = Counter(one.outcome for one in merged)
    words = [f"{counts[outcome]} {word}" for outcome, word in WORDS.items() if counts[outcome] or outcome == "new"]
    renamed_count = sum(one.is_renamed and not one.is_artifact for one in merged)
    words += [f"{renamed_count} under another id"] if renamed_count else []
    running_count = sum(one.is_running for one in merged)
    words += [f"{running_count} still running"] if running_count else []
    size = format_size(sum(one.copied_bytes for one in merged))
    sweep_count = sum(one.is_sweep for one in merged)
    artifact_count = sum(one.is_artifact for one in merged)
    kinds = [format_count(len(merged) - sweep_count - artifact_count, "run")]
    kinds += [format_count(sweep_count, "sweep")] if sweep_count else []
    kinds += [format_count(artifact_count, "artifact")] if artifact_count else []
    listed = f"{', '.join(kinds[:-1])} and {kinds[-1]}" if len(kinds) > 1 else kinds[0]
    return f"{listed}, {size}: {', '.join(words)}"
