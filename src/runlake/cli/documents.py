"""The model as JSON documents: the keys that ``--json`` promises.

Times are seconds since 1970 (UTC), durations seconds, sizes bytes. Keys are added, never renamed or taken away;
docs/guide/command-line.md lists them, and a test holds the two together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runlake.api.ranking import JudgedRun
    from runlake.artifact_model import ArtifactInfo, CollectionInfo, ManifestEntry
    from runlake.model import Alert, FileInfo, Finding, Merged, ProjectInfo, Repair, RunInfo, RunPath, TrashItem
    from runlake.server.people.directory import ApiKey, Person, Share, Team
    from runlake.sweep_model import SweepInfo


def project_document(project: ProjectInfo) -> dict[str, Any]:
    """A project of ``ls``."""
    return {
        "entity": project.entity,
        "project": project.name,
        "created_at": project.created_at,
        "run_count": project.run_count,
    }


def sweep_document(sweep: SweepInfo) -> dict[str, Any]:
    """A sweep, with its agents; `expected_run_count` is null where it is open how many runs there will be."""
    return {
        "entity": sweep.entity,
        "project": sweep.project,
        "sweep_id": sweep.sweep_id,
        "name": sweep.name,
        "state": sweep.state,
        "reason": sweep.reason,
        "description": sweep.description,
        "user": sweep.user,
        "created_at": sweep.created_at,
        "updated_at": sweep.updated_at,
        "run_count": sweep.run_count,
        "expected_run_count": sweep.expected_run_count,
        "prior_run_ids": list(sweep.prior_run_ids),
        "seed": sweep.seed,
        "config": sweep.config,
        "agents": [
            {
                "agent_id": agent.agent_id,
                "host": agent.host,
                "state": agent.state,
                "run_ids": list(agent.run_ids),
                "created_at": agent.created_at,
                "heartbeat_at": agent.heartbeat_at,
            }
            for agent in sweep.agents
        ],
    }


def collection_document(collection: CollectionInfo) -> dict[str, Any]:
    """A collection of artifacts; `aliases` says which version has which."""
    return {
        "entity": collection.entity,
        "project": collection.project,
        "name": collection.name,
        "type": collection.type,
        "kind": collection.kind,
        "description": collection.description,
        "tags": list(collection.tags),
        "aliases": collection.aliases,
        "version_count": collection.version_count,
        "size_bytes": collection.size_bytes,
        "created_at": collection.created_at,
        "updated_at": collection.updated_at,
    }


def artifact_document(artifact: ArtifactInfo) -> dict[str, Any]:
    """A version of an artifact; `source` is where one that is linked is at home."""
    return {
        "entity": artifact.entity,
        "project": artifact.project,
        "name": artifact.name,
        "version": artifact.version,
        "artifact_id": artifact.artifact_id,
        "type": artifact.type,
        "state": artifact.state,
        "digest": artifact.digest,
        "size_bytes": artifact.size_bytes,
        "file_count": artifact.file_count,
        "description": artifact.description,
        "metadata": artifact.metadata,
        "aliases": list(artifact.aliases),
        "tags": list(artifact.tags),
        "created_by": None if artifact.created_by is None else str(artifact.created_by),
        "user": artifact.user,
        "created_at": artifact.created_at,
        "updated_at": artifact.updated_at,
        "linked_at": artifact.linked_at,
        "ttl_s": artifact.ttl_s,
        "source": None if artifact.source is None else str(artifact.source),
    }


def entry_document(entry: ManifestEntry) -> dict[str, Any]:
    """A file of an artifact, or a reference."""
    return {
        "path": entry.path,
        "size_bytes": entry.size_bytes,
        "digest": entry.digest,
        "sha256": entry.sha256,
        "ref": entry.ref,
    }


def run_document(run: RunInfo) -> dict[str, Any]:
    """A run of ``ls`` and ``show``."""
    return {
        "entity": run.entity,
        "project": run.project,
        "run_id": run.run_id,
        "name": run.name,
        "state": run.state,
        "exit_code": run.exit_code,
        "created_at": run.created_at,
        "heartbeat_at": run.heartbeat_at,
        "runtime_s": run.runtime_s,
        "last_step": run.last_step,
        "row_count": run.row_count,
        "event_count": run.event_count,
        "console_line_count": run.console_line_count,
        "tags": list(run.tags),
        "notes": run.notes,
        "group": run.group,
        "job_type": run.job_type,
        "user": run.user,
        "host": run.host,
        "program": run.program,
        "sweep": run.sweep,
        "config": run.config,
        "summary": run.summary,
    }


def judged_document(judged: JudgedRun) -> dict[str, Any]:
    """One of the best runs of a sweep."""
    return {
        "run_id": judged.run.run_id,
        "name": judged.run.name,
        "state": judged.run.state,
        "value": judged.value,
        "params": judged.params,
    }


def alert_document(alert: Alert) -> dict[str, Any]:
    """An alert of ``show``."""
    return {"title": alert.title, "text": alert.text, "level": alert.level, "timestamp": alert.timestamp}


def file_document(file: FileInfo) -> dict[str, Any]:
    """A file of ``show``."""
    return {
        "name": file.name,
        "size_bytes": file.size_bytes,
        "mimetype": file.mimetype,
        "updated_at": file.updated_at,
        "md5": file.md5,
        "url": file.url,
    }


def finding_document(path: RunPath, finding: Finding) -> dict[str, Any]:
    """A finding of ``check``."""
    return {
        "entity": path.entity,
        "project": path.project,
        "run_id": path.run_id,
        "kind": finding.kind,
        "place": finding.place,
        "lost": finding.lost,
        "advice": finding.advice,
    }


def merged_document(merged: Merged) -> dict[str, Any]:
    """A run of ``merge``."""
    return {
        "entity": merged.path.entity,
        "project": merged.path.project,
        "run_id": merged.path.run_id,
        "source_run_id": merged.source.run_id,
        "outcome": merged.outcome,
        "is_running": merged.is_running,
        "kept_beside": list(merged.kept_beside),
        "copied_bytes": merged.copied_bytes,
    }


def merged_sweep_document(merged: Merged) -> dict[str, Any]:
    """A sweep of ``merge``."""
    return {
        "entity": merged.path.entity,
        "project": merged.path.project,
        "sweep_id": merged.path.run_id,
        "outcome": merged.outcome,
        "copied_bytes": merged.copied_bytes,
    }


def merged_artifact_document(merged: Merged) -> dict[str, Any]:
    """A collection of artifacts of ``merge``."""
    return {
        "entity": merged.path.entity,
        "project": merged.path.project,
        "name": merged.path.run_id,
        "source_name": merged.source.run_id,
        "outcome": merged.outcome,
        "version_count": merged.version_count,
        "deleted_count": merged.deleted_count,
        "copied_bytes": merged.copied_bytes,
    }


def repair_document(path: RunPath, repair: Repair) -> dict[str, Any]:
    """What ``repair`` did, or would do."""
    return {
        "entity": path.entity,
        "project": path.project,
        "run_id": path.run_id,
        "kind": repair.kind,
        "place": repair.place,
        "remedy": repair.remedy,
        "lost": repair.lost,
        "is_mended": repair.is_mended,
    }


def trash_document(item: TrashItem) -> dict[str, Any]:
    """A folder of ``trash``; where it belongs is null when nothing in it says so."""
    return {
        "entity": item.path.entity if item.path else None,
        "project": item.path.project if item.path else None,
        "run_id": item.path.run_id if item.path else None,
        "name": item.run_name,
        "deleted_at": item.deleted_at,
        "size_bytes": item.size_bytes,
        "trash_name": item.name,
        "is_run": item.is_run,
        "artifact": item.artifact,
    }


def person_document(person: Person) -> dict[str, Any]:
    """A user of ``user``."""
    return {
        "user": person.username,
        "is_admin": person.is_admin,
        "email": person.email,
        "teams": dict(person.teams),
        "created_at": person.created_at,
    }


def key_document(key: ApiKey) -> dict[str, Any]:
    """A key of ``key``: what is known of it."""
    return {"key_id": key.key_id, "user": key.username, "description": key.description, "created_at": key.created_at}


def team_document(team: Team) -> dict[str, Any]:
    """A team of ``team``."""
    return {"team": team.name, "members": dict(team.members), "created_at": team.created_at}


def share_document(share: Share) -> dict[str, Any]:
    """A shared project of ``project``."""
    return {"entity": share.entity, "project": share.project, "access": share.access}
