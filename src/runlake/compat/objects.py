"""What stands behind the names of W&B's package that are called otherwise here, or stand elsewhere.

A class that runlake's face offers under the same name needs no line: ``Image`` is ``runlake.Image`` wherever it is
imported from.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

_API = {
    "ArtifactCollection": "runlake.artifacts.collection:ArtifactCollection",
    "ArtifactType": "runlake.api.artifacts:ArtifactType",
    **dict.fromkeys(
        (
            "ArtifactCollections", "ArtifactFiles", "ArtifactTypes", "Artifacts", "ProjectArtifactCollections",
            "RunArtifacts",
        ),
        "builtins:list",
    ),
    "Agent": "runlake.api.sweep:Agent",
    "Api": "runlake.api.api:Api",
    "File": "runlake.api.files:File",
    "Files": "runlake.api.files:Files",
    "HTTPSummary": "runlake.api.stored_summary:StoredSummary",
    "HistoryScan": "runlake.api.scan:HistoryScan",
    "Project": "runlake.api.project:Project",
    "Projects": "runlake.api.project:Projects",
    "Run": "runlake.api.stored_run:StoredRun",
    "RunNotFoundError": "runlake.errors:NotFoundError",
    "Runs": "runlake.api.runs:Runs",
    "Summary": "runlake.api.stored_summary:StoredSummary",
    "Sweep": "runlake.api.sweep:Sweep",
    "Sweeps": "runlake.api.sweep:Sweeps",
    "User": "runlake.api.people:User",
}  # fmt: skip
_NOOP_CALLS = {
    name: f"runlake.compat.noop_calls:{name}"
    for name in (
        "attach", "ensure_configured", "login", "patched", "require", "restore", "sagemaker_auth", "setup", "teardown",
        "termerror", "termlog", "termsetup", "termwarn",
    )
}  # fmt: skip
_MEDIA = {
    **dict.fromkeys(("BatchableMedia", "Media", "WBValue"), "runlake.media.stored:Media"),
    **{name: f"runlake.media.annotations:{name}" for name in ("BoundingBoxes2D", "ImageMask")},
    "Node": "runlake.media.graph:Node",
    "PartitionedTable": "runlake.media.tables:PartitionedTable",
    "box3d": "runlake.media.scene:box3d",
}
_ANYWHERE = {
    **_NOOP_CALLS,
    **_MEDIA,
    "UnsupportedError": "runlake.errors:NotSupportedError",
    "WandbWarning": "runlake.errors:RunlakeWarning",
    "ArtifactFinalizedError": "runlake.errors:UsageError",
    "ArtifactManifest": "runlake.artifacts.entry:Manifest",
    "ArtifactManifestEntry": "runlake.artifacts.entry:Entry",
    "ArtifactManifestV1": "runlake.artifacts.entry:Manifest",
    "ArtifactNotLoggedError": "runlake.errors:UsageError",
    "ArtifactState": "runlake.artifacts.state:ArtifactState",
    "ArtifactStatusError": "runlake.errors:UsageError",
    "ArtifactTTL": "runlake.artifacts.ttl:ArtifactTTL",
    **dict.fromkeys(("generate_fast_id", "generate_id"), "wandb.util:generate_id"),
    **dict.fromkeys(("in_ipython", "in_jupyter", "in_notebook"), "runlake.sdk.process.session:in_notebook"),
    "parse_config": "runlake.sdk.run.config_source:read_config",
}
"""The same wherever a module of W&B offers it."""

_SKLEARN_PLOTS = """
    plot_calibration_curve plot_class_proportions plot_classifier plot_clusterer plot_confusion_matrix plot_elbow_curve
    plot_feature_importances plot_learning_curve plot_outlier_candidates plot_precision_recall plot_regressor
    plot_residuals plot_roc plot_silhouette plot_summary_metrics
"""
_INTEGRATIONS = {
    "catboost": "WandbCallback log_summary",
    "gym": "monitor",
    "keras": "WandbCallback WandbEvalCallback WandbMetricsLogger WandbModelCheckpoint",
    "lightgbm": "log_summary wandb_callback",
    "sb3": "WandbCallback",
    "sklearn": _SKLEARN_PLOTS,
    "tensorboard": "patch reset_state tf_summary_to_dict unpatch",
    "xgboost": "WandbCallback wandb_callback",
}
_OF_INTEGRATIONS = {
    room: {name: f"runlake.integrations.{room}:{name}" for name in names.split()}
    for room, names in _INTEGRATIONS.items()
}
_ROOMS = {
    "wandb.apis.public": _API,
    "wandb.plot": {"CustomChart": "runlake.plot:Chart"},
    **{f"wandb.integration.{room}": names for room, names in _OF_INTEGRATIONS.items()},
    "wandb.sklearn": _OF_INTEGRATIONS["sklearn"],
}
"""The same in a package of W&B and all below it."""

_INNER_API = "runlake.compat.inner_api:InnerApi"
_CONFIG = {"Config": "runlake.sdk.run.config:Config"}
_SUMMARY = {"Summary": "runlake.sdk.run.summary:Summary"}
_OBJECTS: dict[str, dict[str, str]] = {
    "wandb": {
        **_CONFIG, "_attach": _NOOP_CALLS["attach"], "api": "runlake.compat.inner_api:api",
        "InternalApi": _INNER_API, "PublicApi": _API["Api"], "join": "runlake.sdk.process.active:finish",
    },
    "wandb.apis": {"InternalApi": _INNER_API, "PublicApi": _API["Api"]},
    "wandb.apis.internal": {"Api": _INNER_API, "InternalApi": _INNER_API},
    "wandb.integration.tensorboard": {"log": "runlake.integrations.tensorboard:log"},
    "wandb.sdk": {
        **_CONFIG, **_SUMMARY, "finish": "runlake.sdk.process.active:finish", "init": "runlake.sdk.process.active:init",
        "sweep": "runlake.agents.create:sweep",
    },
    "wandb.sdk.lib": {name: f"wandb.sdk.lib.disabled:{name}" for name in ("RunDisabled", "SummaryDisabled")},
    "wandb.sdk.lib.json_util": {name: f"json:{name}" for name in ("dump", "dumps", "load", "loads")},
    "wandb.sdk.wandb_config": {**_CONFIG, "ConfigStatic": "runlake.sdk.run.facts:ConfigStatic"},
    "wandb.sdk.wandb_init": {"init": "runlake.sdk.process.active:init"},
    "wandb.sdk.wandb_run": {
        "RunStatus": "runlake.sdk.run.run:RunStatus",
        "finish": "runlake.sdk.process.active:finish",
    },
    "wandb.sdk.wandb_summary": {
        **_SUMMARY,
        "SummaryDict": "runlake.sdk.run.summary:SummaryPart",
        "SummarySubDict": "runlake.sdk.run.summary:SummaryPart",
    },
    "wandb.sdk.wandb_sweep": {"sweep": "runlake.agents.create:sweep"},
    "wandb.sdk.wandb_setup": {"singleton": "runlake.compat.noop_calls:setup"},
    "wandb.wandb_agent": {"agent": "runlake.agents.agent:agent"},
}  # fmt: skip

_CALLS_OF_A_RUN = ("pin_config_keys", "write_logs")
"""Methods of the active run that the module has too, beside those of runlake's face."""

EARLIER_MODULES = {
    "wandb.apis": "InternalApi PublicApi",
    "wandb.apis.internal": "Api InternalApi",
    "wandb.integration.cohere": "autolog",
    "wandb.integration.keras": "WandbCallback",
    "wandb.integration.langchain": "WandbTracer",
    "wandb.integration.openai": "autolog",
    "wandb.sdk.interface.artifacts": "Artifact ArtifactManifest ArtifactNotLoggedError",
    "wandb.sdk.wandb_artifacts": "Artifact ArtifactManifest",
}
"""Modules and names that earlier versions of W&B had and scripts still ask for."""

OTHER_NAMES = {
    "wandb.catboost": "wandb.integration.catboost",
    "wandb.fastai": "wandb.integration.fastai",
    "wandb.gym": "wandb.integration.gym",
    "wandb.helper": "wandb.sdk.wandb_helper",
    "wandb.keras": "wandb.integration.keras",
    "wandb.lightgbm": "wandb.integration.lightgbm",
    "wandb.profiler": "wandb.sdk.internal.profiler",
    "wandb.sacred": "wandb.integration.sacred",
    "wandb.sdk.helper": "wandb.sdk.wandb_helper",
    "wandb.tensorboard": "wandb.integration.tensorboard",
    "wandb.tensorflow": "wandb.integration.tensorflow",
    "wandb.wandb_lib": "wandb.sdk.lib",
    "wandb.wandb_sdk": "wandb.sdk",
    "wandb.wandb_torch": "wandb.integration.torch.wandb_torch",
    "wandb.xgboost": "wandb.integration.xgboost",
}
"""Modules that stand under a second name."""


def find_object(module: str, name: str, *, is_listed: bool) -> Any:
    """runlake's object behind a name of a module of W&B; None where there is none.

    `is_listed`: W&B's module has that name, so an object that runlake has under the same name is meant.
    """
    if module == "wandb" and name in _CALLS_OF_A_RUN:
        from runlake.sdk.process.active import call_of_the_active_run

        return call_of_the_active_run(name)
    place = _OBJECTS.get(module, {}).get(name)
    if place is None and is_listed:
        place = _ANYWHERE.get(name) or next(
            (names[name] for room, names in _ROOMS.items() if module.startswith(room) and name in names), None
        )
    if place is None and is_listed:
        place = _under_the_same_name(module, name)
    return None if place is None else _load(place)


def _under_the_same_name(module: str, name: str) -> str | None:
    """A class of runlake's face, or one of its charts."""
    face = "runlake.plot" if module.startswith("wandb.plot") else "runlake"
    if face == "runlake" and not name[0].isupper():  # ``run`` and ``log`` of other modules are other things
        return None
    return f"{face}:{name}" if name in import_module(face).__all__ else None


@cache
def _load(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
