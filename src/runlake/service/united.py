"""The facets of the contract as one service: how an implementation that is cut into them is put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a run that is named is read without what says what all verbs promise
    from runlake.service.contract.artifacts import ArtifactVerbs
    from runlake.service.contract.care import CareVerbs
    from runlake.service.contract.files import FileVerbs
    from runlake.service.contract.projects import ProjectVerbs
    from runlake.service.contract.rows import RowVerbs
    from runlake.service.contract.runs import RunVerbs
    from runlake.service.contract.segments import SegmentVerbs
    from runlake.service.contract.sweeps import SweepVerbs
    from runlake.service.contract.tiles import TileVerbs
    from runlake.service.contract.views import ViewVerbs
    from runlake.service.contract.writers import WriterVerbs


class UnitedService:
    """All verbs, each that of the facet it is of. Where it is, and closing it, are for the implementation to say."""

    def __init__(
        self,
        *,
        projects: ProjectVerbs,
        runs: RunVerbs,
        rows: RowVerbs,
        files: FileVerbs,
        writers: WriterVerbs,
        sweeps: SweepVerbs,
        artifacts: ArtifactVerbs,
        views: ViewVerbs,
        tiles: TileVerbs,
        segments: SegmentVerbs,
        care: CareVerbs,
    ) -> None:
        self.list_projects = projects.list_projects
        self.create_project = projects.create_project

        self.list_runs = runs.list_runs
        self.read_run = runs.read_run
        self.list_generations = runs.list_generations
        self.list_edits = runs.list_edits
        self.read_runs_table = runs.read_runs_table
        self.list_run_columns = runs.list_run_columns
        self.read_run_columns = runs.read_run_columns
        self.read_news = runs.read_news
        self.create_run = runs.create_run
        self.edit_run = runs.edit_run
        self.stop_run = runs.stop_run
        self.delete_run = runs.delete_run

        self.read_history = rows.read_history
        self.read_histories = rows.read_histories
        self.read_tail = rows.read_tail
        self.sample_history = rows.sample_history
        self.list_keys = rows.list_keys
        self.outline_history = rows.outline_history
        self.read_console = rows.read_console
        self.read_console_lines = rows.read_console_lines
        self.read_values = rows.read_values

        self.list_files = files.list_files
        self.count_files = files.count_files
        self.open_file = files.open_file
        self.file_url = files.file_url
        self.put_file = files.put_file
        self.receive_file = files.receive_file
        self.delete_file = files.delete_file

        self.begin_writer = writers.begin_writer
        self.find_writer = writers.find_writer
        self.write_batch = writers.write_batch
        self.open_writer = writers.open_writer
        self.append_frames = writers.append_frames

        self.create_sweep = sweeps.create_sweep
        self.list_sweeps = sweeps.list_sweeps
        self.read_sweep = sweeps.read_sweep
        self.edit_sweep = sweeps.edit_sweep
        self.delete_sweep = sweeps.delete_sweep
        self.join_sweep = sweeps.join_sweep
        self.report_agent = sweeps.report_agent

        self.begin_artifact = artifacts.begin_artifact
        self.find_content = artifacts.find_content
        self.put_content = artifacts.put_content
        self.receive_content = artifacts.receive_content
        self.offer_uploads = artifacts.offer_uploads
        self.complete_upload = artifacts.complete_upload
        self.commit_artifact = artifacts.commit_artifact
        self.read_artifact = artifacts.read_artifact
        self.find_artifact = artifacts.find_artifact
        self.read_manifest = artifacts.read_manifest
        self.open_content = artifacts.open_content
        self.content_url = artifacts.content_url
        self.list_artifacts = artifacts.list_artifacts
        self.edit_artifact = artifacts.edit_artifact
        self.delete_artifact = artifacts.delete_artifact
        self.restore_artifact = artifacts.restore_artifact
        self.link_artifact = artifacts.link_artifact
        self.use_artifact = artifacts.use_artifact
        self.list_artifact_users = artifacts.list_artifact_users
        self.list_artifact_links = artifacts.list_artifact_links
        self.list_run_artifacts = artifacts.list_run_artifacts
        self.list_collections = artifacts.list_collections
        self.read_collection = artifacts.read_collection
        self.edit_collection = artifacts.edit_collection
        self.delete_collection = artifacts.delete_collection

        self.list_views = views.list_views
        self.read_view = views.read_view
        self.put_view = views.put_view
        self.delete_view = views.delete_view

        self.read_tiles = tiles.read_tiles
        self.list_project_keys = tiles.list_project_keys

        self.list_segments = segments.list_segments

        self.seal = care.seal
        self.pack_runs = care.pack_runs
        self.check = care.check
        self.repair = care.repair
        self.list_trash = care.list_trash
        self.restore_run = care.restore_run
        self.empty_trash = care.empty_trash
        self.merge_from = care.merge_from
