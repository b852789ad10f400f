"""The names of the environment variables of W&B, and what is set under them.

What they mean here, and which have no meaning, is told by ``runlake settings``.
"""

import os
from collections.abc import MutableMapping
from pathlib import Path

_NAMES = (
    "AGENT_DISABLE_FLAPPING", "AGENT_KILL_DELAY", "AGENT_MAX_INITIAL_FAILURES", "AGENT_REPORT_INTERVAL", "ANONYMOUS",
    "API_KEY", "APP_URL", "ARGS", "ARTIFACT_DIR", "ARTIFACT_FETCH_FILE_URL_BATCH_SIZE", "BASE_URL", "CACHE_DIR",
    "CONFIG_DIR", "CONFIG_PATHS", "CORE_DEBUG", "CRASH_NOSYNC_TIME", "CREDENTIALS_FILE", "DATA_DIR", "DEBUG",
    "DESCRIPTION", "DIR", "DISABLE_CODE", "DISABLE_GIT", "DOCKER", "ENABLE_DCGM_PROFILING", "ENTITY",
    "ERROR_REPORTING", "FILE_PUSHER_TIMEOUT", "GIT_COMMIT", "GIT_REMOTE_URL", "GIT_ROOT", "HOST", "HTTP_TIMEOUT",
    "IDENTITY_TOKEN_FILE", "INITED", "INIT_TIMEOUT", "JOB_TYPE", "JUPYTER", "LAUNCH_QUEUE_ENTITY",
    "LAUNCH_QUEUE_NAME", "LAUNCH_TRACE_ID", "MAGIC", "MODE", "NAME", "NOTEBOOK_NAME", "NOTES", "ORGANIZATION",
    "PROGRAM", "PROJECT", "QUIET", "RESUME", "RUN_DIR", "RUN_GROUP", "RUN_ID", "RUN_STORAGE_ID", "SAVE_CODE",
    "SERVICE", "SHOW_RUN", "SILENT", "SWEEP_ID", "SWEEP_PARAM_PATH", "TAGS", "USERNAME", "USER_EMAIL",
)  # fmt: skip
globals().update({name: f"WANDB_{name}" for name in _NAMES})
DISABLE_SSL = "WANDB_INSECURE_DISABLE_SSL"
IGNORE = "WANDB_IGNORE_GLOBS"

Environ = MutableMapping[str, str]


def immutable_keys() -> list[str]:
    """The variables that W&B reads once, when a program starts."""
    return [f"WANDB_{name}" for name in ("DEBUG", "DIR", "SILENT", "QUIET", "ENTITY", "PROJECT", "API_KEY", "MODE")]


def get_project(default: str | None = None, env: Environ | None = None) -> str | None:
    return _get("PROJECT", default, env)


def get_entity(default: str | None = None, env: Environ | None = None) -> str | None:
    return _get("ENTITY", default, env)


def get_username(default: str | None = None, env: Environ | None = None) -> str | None:
    return _get("USERNAME", default, env)


def get_user_email(default: str | None = None, env: Environ | None = None) -> str | None:
    return _get("USER_EMAIL", default, env)


def get_run(default: str | None = None, env: Environ | None = None) -> str | None:
    return _get("RUN_ID", default, env)


def get_dir(default: str | None = None, env: Environ | None = None) -> str | None:
    return _get("DIR", default, env)


def get_base_url(default: str | None = None, env: Environ | None = None) -> str | None:
    return _get("BASE_URL", default, env)


def get_tags(default: str = "", env: Environ | None = None) -> list[str]:
    return [tag for tag in (_get("TAGS", default, env) or "").split(",") if tag]


def get_data_dir(env: Environ | None = None) -> str:
    return str(Path(_get("DATA_DIR", None, env) or "~/.local/share/wandb").expanduser())


def get_cache_dir() -> Path:
    return Path(_get("CACHE_DIR", None, None) or "~/.cache/wandb").expanduser()


def get_artifact_dir(env: Environ | None = None) -> str:
    return str(Path(_get("ARTIFACT_DIR", "artifacts", env) or "artifacts").absolute())


def is_debug(default: str | None = None, env: Environ | None = None) -> bool:
    return _flag("DEBUG", default, env)


def is_offline(env: Environ | None = None) -> bool:
    return _get("MODE", None, env) == "offline"


def is_quiet() -> bool:
    return _flag("QUIET", None, None)


def is_silent() -> bool:
    return _flag("SILENT", None, None)


def disable_git(env: Environ | None = None) -> bool:
    return _flag("DISABLE_GIT", None, env)


def should_save_code() -> bool:
    return _flag("SAVE_CODE", None, None) and not _flag("DISABLE_CODE", None, None)


def set_project(value: str, env: Environ | None = None) -> None:
    (os.environ if env is None else env)["WANDB_PROJECT"] = value or "uncategorized"


def set_entity(value: str, env: Environ | None = None) -> None:
    (os.environ if env is None else env)["WANDB_ENTITY"] = value


def strtobool(value: str) -> bool:
    """Whether a word means yes; `ValueError` for a word that means neither."""
    word = value.lower()
    if word in ("y", "yes", "t", "true", "on", "1"):
        return True
    if word in ("n", "no", "f", "false", "off", "0"):
        return False
    raise ValueError(f"{value!r} means neither yes nor no")


def _get(name: str, default: str | None, env: Environ | None) -> str | None:
    return (os.environ if env is None else env).get(f"WANDB_{name}", default)


def _flag(name: str, default: str | None, env: Environ | None) -> bool:
    try:
        return strtobool(_get(name, default, env) or "0")
    except ValueError:
        return False
