"""The few git commands that bring back a commit and the changes on top of it."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from runlake.cli.failures import RefusedError
from runlake.errors import NotFoundError, NotSupportedError

_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_NOT_IN_BRANCHES = re.compile(r"[^0-9A-Za-z._+=,-]+|\.\.+|@\{")


@dataclass(frozen=True, slots=True)
class WorkTree:
    """A git work tree; `top` is its topmost folder."""

    top: Path

    def is_dirty(self) -> bool:
        """Whether files that git knows have changes that are in no commit."""
        return bool(self._git("status", "--porcelain", "--untracked-files=no").strip())

    def require_commit(self, commit: str) -> None:
        """See that the commit is here, fetching from the remotes when it is not; `NotFoundError` in the end."""
        if not _COMMIT.fullmatch(commit):
            raise NotFoundError(f"{commit!r}, which the run noted, is no git commit; use --no-git")
        if self._has(commit):
            return
        fetched = self._run("fetch", "--quiet", "--all")
        if not self._has(commit):
            trouble = f" (git fetch: {_reason(fetched.stderr)})" if fetched.returncode else ""
            raise NotFoundError(
                f"the commit {commit} is not in {self.top}, nor in its remotes{trouble}; "
                "go to a clone that has it, or use --no-git"
            )

    def require_branch(self, branch: str, commit: str) -> bool:
        """Whether the branch must be created; refuses when it exists and is somewhere else."""
        found = self._run("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}^{{commit}}")
        if found.returncode:
            return True
        if found.stdout.strip() != self._git("rev-parse", f"{commit}^{{commit}}").strip():
            raise RefusedError(f"the branch {branch} exists and is at another commit; see: git branch -D {branch}")
        return False

    def require_patch(self, commit: str, patch: bytes) -> None:
        """See that the patch applies to the commit, without touching the work tree or the index."""
        import tempfile

        with tempfile.TemporaryDirectory(prefix="runlake-") as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
            self._git("read-tree", commit, environment=index)
            checked = self._run("apply", "--cached", "--check", "-", patch=patch, environment=index)
        if checked.returncode:
            raise RefusedError(
                f"the run's changes do not apply to {commit[:12]}: {_reason(checked.stderr)}; "
                "use --no-git and apply diff.patch by hand"
            )

    def check_out(self, branch: str, commit: str, *, create: bool) -> None:
        """Go to the branch, made at the commit when it is new."""
        target = ["-b", branch, commit] if create else [branch]
        self._git("checkout", "--quiet", *target, "--")

    def apply(self, patch: bytes) -> None:
        """Put changes onto the work tree."""
        applied = self._run("apply", "--whitespace=nowarn", "-", patch=patch)
        if applied.returncode:
            raise RefusedError(f"git apply: {_reason(applied.stderr)}")

    def _has(self, commit: str) -> bool:
        return self._run("cat-file", "-e", f"{commit}^{{commit}}").returncode == 0

    def _git(self, *arguments: str, environment: dict[str, str] | None = None) -> str:
        done = self._run(*arguments, environment=environment)
        if done.returncode:
            raise RefusedError(f"git {arguments[0]}: {_reason(done.stderr)}")
        return done.stdout

    def _run(
        self, *arguments: str, patch: bytes | None = None, environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["git", "-C", str(self.top), *arguments],
            input=patch if patch is not None else b"",
            capture_output=True,
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", **(environment or {})},
        )
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
        )


def find_work_tree(folder: Path) -> WorkTree | None:
    """The work tree that a folder lies in, or None; `NotSupportedError` when there is no git."""
    try:
        found = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", "--show-toplevel"], capture_output=True, text=True
        )
    except FileNotFoundError:
        raise NotSupportedError("git is not installed; install it, or use --no-git for the files alone") from None
    return WorkTree(Path(found.stdout.rstrip("\n"))) if found.returncode == 0 else None


def branch_of(run_id: str) -> str:
    """The branch a run is restored onto: ``runlake/<run id>``, with a dash for what git forbids in names."""
    name = _NOT_IN_BRANCHES.sub("-", run_id).strip(".-") or "run"
    return f"runlake/{name.removesuffix('.lock')}"


def _reason(text: str) -> str:
    """What git complained of, on one line: its first error, with the file that is listed below it."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    start = next((i for i, line in enumerate(lines) if line.startswith(("error:", "fatal:"))), 0)
    return " ".join(lines[start : start + (2 if lines[start].endswith(":") else 1)]) if lines else "failed"
