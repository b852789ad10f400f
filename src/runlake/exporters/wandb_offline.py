"""Runs as W&B's client leaves them when it is offline: a folder ``offline-run-…`` a run, which ``wandb sync`` sends.

Rows, system metrics, printed lines, config, summary, files, rules of metrics, alerts and the artifacts that a run
logged go along. What a record means is told by numbered fields, whose numbers `importers.wandb_offline` names.
"""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runlake.artifact_model import ArtifactInfo
from runlake.errors import NotFoundError
from runlake.exporters.wandb_log import LogWriter
from runlake.exporters.wire_bytes import field, timestamp
from runlake.exporters.written import Written, replacing
from runlake.importers.wandb_offline import (
    ALERT,
    ARTIFACT,
    EXIT,
    FILES,
    METRIC,
    OUTPUT_RAW,
    RUN,
    STATS,
)  # fmt: skip
from runlake.importers.wandb_records import HISTORY, SUMMARY
from runlake.local_names import why_refused
from runlake.model import AXES, ENDED_STATES, MetricRule, RunInfo
from runlake.query.rows.dicts import iter_rows
from runlake.service.contract import Service

_SUMMARY_KINDS = {"min": 1, "max": 2, "mean": 3, "best": 4, "last": 5, "none": 6, "copy": 7, "first": 8}
_GOALS = {"minimize": 1, "maximize": 2}
_SYSTEM = "system."
_AT_THE_END = 1
_EXIT_CODES = {"finished": 0, "failed": 1, "killed": 255, "preempted": 255}


def folder_of(info: RunInfo, folder: Path) -> Path:
    """Where a run goes: called after when it began, and its id."""
    return folder / f"offline-run-{time.strftime('%Y%m%d_%H%M%S', time.gmtime(info.created_at))}-{info.run_id}"


def export_run(service: Service, info: RunInfo, folder: Path) -> Written:
    """Write the folder of a run, in the place of what an export left there."""
    place = folder_of(info, folder)
    shutil.rmtree(place, ignore_errors=True)
    work = _Work(service, info, place)
    with replacing(place / f"run-{info.run_id}.wandb") as file:
        work.write(LogWriter(file))
    return Written(
        path=info.path,
        place=str(place),
        row_count=info.row_count,
        file_count=work.file_count,
        lost=dict(work.lost),
    )


class _Work:
    """One run, on its way into its folder."""

    def __init__(self, service: Service, info: RunInfo, place: Path) -> None:
        self._service, self._info, self._place = service, info, place
        self.file_count = 0
        self.lost: Counter[str] = Counter()

    def write(self, log: LogWriter) -> None:
        """All records, in the order in which a run would have made them."""
        log.write(RUN, _run(self._info))
        for rule in self._info.metric_rules:
            log.write(METRIC, _rule(rule))
        self._write_history(log)
        self._write_events(log)
        for line in self._service.read_console(self._info.path):
            kind = b"" if line.level == "error" else field(1, 1)
            log.write(OUTPUT_RAW, kind + field(2, timestamp(line.timestamp)) + field(3, line.text + "\n"))
        self._write_files(log)
        for version in self._service.list_run_artifacts(self._info.path, "logged"):
            self._write_artifact(log, version)
        used_count = len(self._service.list_run_artifacts(self._info.path, "used"))
        if used_count:
            self.lost["used artifact"] += used_count
        for alert in self._info.alerts:
            log.write(ALERT, field(1, alert.title) + field(2, alert.text) + field(3, alert.level))
        summary = dict(self._info.summary)
        summary["_wandb"] = {"runtime": int(self._info.runtime_s)}
        log.write(SUMMARY, _items(summary))
        code = self._info.exit_code
        code = _EXIT_CODES.get(self._info.state) if code is None else code
        if code is not None and self._info.state in {*ENDED_STATES, *_EXIT_CODES}:
            log.write(EXIT, field(1, code) + field(2, int(self._info.runtime_s)))

    def _write_history(self, log: LogWriter) -> None:
        last_step = -1
        for row in iter_rows(self._service.read_history(self._info.path)):
            step = int(row["_step"])
            if step <= last_step:
                self.lost["row out of order"] += 1
            last_step = max(last_step, step)
            log.write(HISTORY, _items(row) + field(2, field(1, step)))

    def _write_events(self, log: LogWriter) -> None:
        for row in iter_rows(self._service.read_history(self._info.path, stream="events")):
            at = row["_timestamp"]
            flat = {key: value for key, value in row.items() if key not in AXES}
            values = {key.removeprefix(_SYSTEM): value for key, value in flat.items() if key.startswith(_SYSTEM)}
            if len(values) < len(flat):
                self.lost["foreign system metric"] += len(flat) - len(values)
            log.write(STATS, field(2, timestamp(at)) + _items(values, number=3))

    def _write_files(self, log: LogWriter) -> None:
        for file in self._service.list_files(self._info.path):
            if (why := why_refused(file.name)) is not None:
                self.lost[f"file {file.name!r}, since {why}"] += 1
                continue
            try:
                with self._service.open_file(self._info.path, file.name) as content:
                    self._copy(content, self._place / "files" / file.name)
            except NotFoundError:
                self.lost[f"file {file.name!r}, which was deleted meanwhile"] += 1
                continue
            log.write(FILES, field(1, field(1, file.name) + field(2, _AT_THE_END)))
            self.file_count += 1

    def _copy(self, content: Any, place: Path) -> None:
        with replacing(place) as file:
            shutil.copyfileobj(content, file)

    def _write_artifact(self, log: LogWriter, version: ArtifactInfo) -> None:
        contents = []
        for number, entry in enumerate(self._service.read_manifest(version.path)):
            said = field(1, entry.path) + field(2, entry.digest)
            if entry.ref is not None:
                said += field(3, entry.ref)
            else:
                local = (self._place / "artifacts" / version.artifact_id / f"{number:06}").absolute()
                with self._service.open_content(version.path, entry.path) as content:
                    self._copy(content, local)
                said += field(6, str(local))
            said += field(4, entry.size_bytes)
            for key, value in entry.extra.items():
                said += field(16, field(1, key) + field(2, json.dumps(value)))
            contents.append(field(4, said))
        policy = field(3, field(1, "storageLayout") + field(2, '"V2"'))
        manifest = field(1, 1) + field(2, "wandb-storage-policy-v1") + policy + b"".join(contents)
        log.write(ARTIFACT, _artifact(self._info, version, manifest))


def _artifact(info: RunInfo, version: ArtifactInfo, manifest: bytes) -> bytes:
    words = {1: info.run_id, 2: info.project, 3: info.entity, 4: version.type, 5: version.name, 6: version.digest}
    said = b"".join(field(number, text) for number, text in words.items())
    said += field(7, version.description) if version.description else b""
    said += field(8, json.dumps(version.metadata))
    aliases = list(dict.fromkeys((*version.aliases, "latest")))
    said += b"".join(field(11, alias) for alias in aliases) + field(12, manifest) + field(14, 1)
    said += field(15, version.artifact_id) + field(16, f"sequence-{version.name}")
    said += field(18, int(version.ttl_s)) if version.ttl_s else b""
    return said + b"".join(field(19, tag) for tag in version.tags)


def _run(info: RunInfo) -> bytes:
    words: Mapping[int, str | None] = {
        1: info.run_id, 2: info.entity, 3: info.project, 6: info.group, 7: info.job_type, 8: info.name, 9: info.notes,
        12: info.sweep, 13: info.host,
    }  # fmt: skip
    said = b"".join(field(number, text) for number, text in words.items() if text)
    said += field(4, _items(info.config)) + b"".join(field(10, tag) for tag in info.tags)
    return said + field(17, timestamp(info.created_at))


def _rule(rule: MetricRule) -> bytes:
    said = field(2 if "*" in rule.name else 1, rule.name)
    said += field(4, rule.step_metric) if rule.step_metric else b""
    options = (field(1, 1) if rule.step_sync else b"") + (field(2, 1) if rule.hidden else b"") + field(3, 1)
    flags = b"".join(sorted(field(_SUMMARY_KINDS[kind], 1) for kind in rule.summary if kind in _SUMMARY_KINDS))
    said += field(6, options) + (field(7, flags) if flags else b"")
    return said + (field(8, _GOALS[rule.goal]) if rule.goal in _GOALS else b"")


def _items(values: Mapping[str, Any], number: int = 1) -> bytes:
    """Each key and its value, as JSON that knows NaN and infinities."""
    return b"".join(
        field(number, field(1, key) + field(16, json.dumps(value, ensure_ascii=False))) for key, value in values.items()
    )
