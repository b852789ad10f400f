"""``runlake restore``: the files of a run, and the code it ran."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runlake.cli import output
from runlake.cli.failures import RefusedError
from runlake.cli.git import WorkTree, branch_of, find_work_tree
from runlake.cli.opening import find_existing_run, open_store
from runlake.cli.pull import own_folder, pull_files, raise_left_out
from runlake.comparison.sections import read_metadata
from runlake.model import RunPath

if TYPE_CHECKING:
    from runlake.service.contract import Service

PATCH_FILE = "diff.patch"


@dataclass(frozen=True, slots=True)
class CodeState:
    """What git is to bring back; everything about it has been tried and will work."""

    tree: WorkTree
    commit: str
    branch: str
    branch_is_new: bool
    patch: bytes

    def restore(self) -> None:
        """Check the commit out and put the run's own changes on top, saying so."""
        self.tree.check_out(self.branch, self.commit, create=self.branch_is_new)
        created = "created the" if self.branch_is_new else "went to the existing"
        output.note(f"{created} branch {self.branch} at {self.commit[:12]}")
        if self.patch:
            self.tree.apply(self.patch)
            output.note(f"applied the run's uncommitted changes ({PATCH_FILE})")


def restore(
    context: typer.Context,
    run: Annotated[str, typer.Argument(help="RUN, PROJECT/RUN or ENTITY/PROJECT/RUN.")],
    root: Annotated[Path | None, typer.Option(help="The folder for the files.  [default: restored/RUN_ID]")] = None,
    no_git: Annotated[bool, typer.Option("--no-git", help="Only the files.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite local files that differ.")] = False,
) -> None:
    """Bring back a run: its files, then its git commit on a branch runlake/RUN_ID, then its uncommitted changes.

    Run it inside a clone of the run's repository. Nothing is touched when the work tree has uncommitted changes,
    the commit cannot be found, or the changes do not apply.
    """
    with open_store(context) as service:
        path = find_existing_run(service, run)
        service.read_run(path)
        metadata = read_metadata(service, path)
        code = None if no_git else _plan(service, path, metadata)
        folder = root if root is not None else own_folder("restored", path)
        left_out = pull_files(service, path, service.list_files(path), folder, overwrite=force)
    if code is not None:
        code.restore()
    elif not no_git:
        output.note(f"{path} has no git information: its files are all there is to restore")
    if command := _command(metadata):
        output.note(f"it was run as: {command}")
    raise_left_out(left_out)


def _plan(service: Service, path: RunPath, metadata: dict[str, Any]) -> CodeState | None:
    """What git has to do, None when the run noted no commit; refuses while nothing has been touched."""
    git = metadata.get("git")
    commit = git.get("commit") if isinstance(git, dict) else None
    if not isinstance(commit, str):
        return None
    tree = find_work_tree(Path.cwd())
    if tree is None:
        remote = git.get("remote") if isinstance(git, dict) else None
        where = f"git clone {remote}, " if remote else "go to a clone of its repository, "
        raise RefusedError(f"{Path.cwd()} is no git work tree; {where}and run this inside, or use --no-git")
    if tree.is_dirty():
        raise RefusedError(f"{tree.top} has uncommitted changes; commit or stash them, or use --no-git")
    tree.require_commit(commit)
    branch = branch_of(path.run_id)
    branch_is_new = tree.require_branch(branch, commit)
    patch = _read_patch(service, path)
    if patch:
        tree.require_patch(commit, patch)
    return CodeState(tree, commit, branch, branch_is_new, patch)


def _read_patch(service: Service, path: RunPath) -> bytes:
    if all(file.name != PATCH_FILE for file in service.list_files(path)):
        return b""
    with service.open_file(path, PATCH_FILE) as content:
        patch = content.read()
    return patch if patch.strip() else b""


def _command(metadata: dict[str, Any]) -> str | None:
    program, arguments = metadata.get("program"), metadata.get("args")
    if not isinstance(program, str) or not program:
        return None
    words = [str(word) for word in arguments] if isinstance(arguments, list) else []
    return shlex.join(["python", program, *words])
