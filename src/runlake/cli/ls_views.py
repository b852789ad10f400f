"""``runlake ls --views`` and ``runlake show`` of a saved view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict

from runlake.cli import output
from runlake.cli.format import format_count, format_size, format_time
from runlake.view_model import ViewInfo, ViewPath

if TYPE_CHECKING:
    from runlake.service.contract import Service


def list_views(
    service: Service, projects: list[tuple[str, str]], *, limit: int | None, where: str, as_json: bool
) -> None:
    """Print the views of some projects, the newest first; `where` names the projects for people."""
    found = [view for entity, name in projects for view in service.list_views(entity, name)]
    shown = sorted(found, key=lambda view: (-view.created_at, view.path))[:limit]
    if as_json:
        output.print_json({"total_count": len(found), "views": [view_document(view) for view in shown]})
        return
    if not found:
        output.note(f"no saved views in {where}")
        return
    is_one = len(projects) == 1
    rows = [
        (
            view.view_id if is_one else f"{view.entity}/{view.project}/views/{view.view_id}",
            view.display_name or view.name,
            view.type,
            view.user or "",
            format_time(view.updated_at),
        )
        for view in shown
    ]
    output.print_table(("VIEW", "NAME", "TYPE", "USER", "UPDATED"), rows)
    if len(shown) < len(found):
        output.note(f"{len(shown):,} of {format_count(len(found), 'view')}; --all lists every one, --limit N more")


def show_view(service: Service, path: ViewPath, *, as_json: bool) -> None:
    """Print what is known of a view; its text only as JSON, since it is its program's."""
    view = service.read_view(path)
    if as_json:
        output.print_json({**view_document(view), "spec": view.spec})
        return
    output.print_heading(f"{view.entity}/{view.project}/views/{view.view_id}  {view.type}")
    facts = [
        ("name", view.name),
        ("display name", view.display_name or ""),
        ("description", view.description or ""),
        ("user", view.user or ""),
        ("created", format_time(view.created_at)),
        ("updated", format_time(view.updated_at)),
        ("text", f"{format_size(len(view.spec.encode('utf-8', 'surrogatepass')))}; --json prints it"),
    ]
    output.print_table(("", ""), [(word, fact) for word, fact in facts if fact], indent=2)


def view_document(view: ViewInfo) -> dict[str, Any]:
    """A view without its text."""
    return {name: value for name, value in asdict(view).items() if name != "spec"}
