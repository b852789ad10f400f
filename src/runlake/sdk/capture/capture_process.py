"""The process that describes a run's code and machine; started by `capture.spawn_capture`.

    python -I -S capture_process.py '<JSON of capture.capture_spec>'

It imports nothing of runlake: started as a file by an isolated interpreter it needs nothing but the standard library,
starts in some ten milliseconds and leaves the machine to the training. psutil and pynvml are used where the training
process would find them. Everything it fails at is written down and harms nobody.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

GIT_TIMEOUT_S = 10.0
DIFF_TIMEOUT_S = 60.0
MAX_ERROR_LENGTH = 500

_GIT = (
    "git",
    "--no-pager",
    "--no-optional-locks",  # never write into the index that the user is about to use
    # A checkout's own configuration could have us run programs or go to the network. Its filters stay on: without
    # them (git-lfs is one) the diff would be wrong.
    *("-c", "core.fsmonitor=false"),
    *("-c", f"core.hooksPath={os.devnull}"),
    *("-c", "protocol.allow=never"),
)
_DIFF = (
    *("diff", "HEAD", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--full-index"),
    *("--src-prefix=a/", "--dst-prefix=b/", "--submodule=short", "--ignore-submodules=dirty"),
)


class Failure(Exception):
    """A fact that could not be found out; the message is for `captureErrors`."""


def main(spec: dict[str, Any]) -> None:
    """Collect everything, code first since it may change soon, and add it to the run's metadata."""
    files_dir = Path(spec["files_dir"])
    if not files_dir.is_dir():  # the run was deleted in the meantime
        return
    with contextlib.suppress(AttributeError, OSError):
        os.nice(10)
    sys.path.extend(spec["sys_path"])
    metadata: dict[str, Any] = {}
    errors: list[str] = []
    jobs: list[tuple[str, Callable[[], dict[str, Any]]]] = [
        ("git", lambda: describe_checkout(spec)),
        ("diff", lambda: save_diff(spec)),
        ("requirements", lambda: save_requirements(spec)),
        ("conda", lambda: save_conda(spec)),
        ("cpu", describe_cpu),
        ("memory", describe_memory),
        ("disk", lambda: describe_disk(files_dir)),
        ("gpu", describe_gpus),
    ]
    for name, job in jobs:
        try:
            metadata.update(job())
        except Exception as error:  # each is a bonus: the next one is tried whatever happened to this one
            text = str(error) if isinstance(error, Failure) else f"{type(error).__name__}: {error}"
            errors.append(f"{name}: {text[:MAX_ERROR_LENGTH]}")
    merge_metadata(spec, metadata, errors)


def merge_metadata(spec: dict[str, Any], metadata: dict[str, Any], errors: list[str]) -> None:
    """Add to the run's metadata what was found, and what was not under ``captureErrors``."""
    path = Path(spec["files_dir"], spec["metadata_file"])
    try:
        known = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        known = {}
    merged = {**known, **metadata}
    merged.pop("captureErrors", None)
    if errors:
        merged["captureErrors"] = errors
    text = json.dumps(merged, indent=2, ensure_ascii=False)
    replace_file(spec, spec["metadata_file"], text.encode("utf-8", "replace") + b"\n")


def replace_file(spec: dict[str, Any], name: str, content: bytes) -> None:
    """Put a whole file into the run's folder, which is not made anew: the run may have been deleted by now."""
    path = Path(spec["files_dir"], name)
    temporary = path.with_name(f"{spec['temporary_prefix']}{os.getpid()}-{os.urandom(4).hex()}")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


# Code ---------------------------------------------------------------------------------------------------------


def describe_checkout(spec: dict[str, Any]) -> dict[str, Any]:
    """Remote (without passwords and tokens), commit and branch of the git checkout; a detached head has no branch."""
    checkout: str | None = spec["checkout"]
    if checkout is None:
        return {}
    commit = read_git(checkout, "rev-parse", "--verify", "HEAD^{commit}")
    branch = read_git(checkout, "symbolic-ref", "--quiet", "--short", "HEAD", may_fail=True)
    remote = read_git(checkout, "config", "--get", "remote.origin.url", may_fail=True)
    if not remote:
        first = read_git(checkout, "remote", may_fail=True).partition("\n")[0]
        remote = first and read_git(checkout, "config", "--get", f"remote.{first}.url", may_fail=True)
    remote = re.sub(spec["secret_query"], r"\g<1>***", without_password(remote))
    facts = {"remote": remote, "commit": commit, "branch": branch}
    return {"git": {name: fact for name, fact in facts.items() if fact}}


def save_diff(spec: dict[str, Any]) -> dict[str, Any]:
    """Write what is staged and not staged against HEAD as ``diff.patch``, if there is anything.

    With binary content, so that it can be applied; where that is too much, without. What the names of files say to be
    secret is left out of it: ``diffLeftOut`` names these, and so does the head of the patch.
    """
    if spec["checkout"] is None or not spec["with_diff"]:
        return {}
    run_git(spec["checkout"], "rev-parse", "--verify", "HEAD")  # without a commit there is nothing to compare with
    kept, max_bytes = ("--", *spec["kept_files"]), spec["max_diff_bytes"]
    left_out = secret_files(spec)
    said = {"diffLeftOut": left_out} if left_out else {}
    diff = run_git(spec["checkout"], *_DIFF, "--binary", *kept, timeout_s=DIFF_TIMEOUT_S, max_bytes=max_bytes)
    too_large = f"the diff is larger than {max_bytes // 2**20} MiB"
    if diff is not None:
        if diff:
            replace_file(spec, "diff.patch", patch_head(left_out) + diff)
        return said
    diff = run_git(spec["checkout"], *_DIFF, *kept, timeout_s=DIFF_TIMEOUT_S, max_bytes=max_bytes)
    if diff is None:
        raise Failure(f"{too_large} and was not kept")
    replace_file(spec, "diff.patch", patch_head(left_out) + diff)
    raise Failure(f"{too_large} and was kept without binary files")


def secret_files(spec: dict[str, Any]) -> list[str]:
    """The changed files whose content is left out of the diff, because of their names."""
    listed = run_git(
        spec["checkout"], "diff", "HEAD", "--name-only", "--no-ext-diff", "-z", "--", *spec["secret_files"]
    )
    return [name.decode("utf-8", "replace") for name in (listed or b"").split(b"\0") if name]


def patch_head(left_out: list[str]) -> bytes:
    """What a patch says before its first file, where git reads nothing yet."""
    if not left_out:
        return b""
    return f"# Changed too, and not kept because of the name: {json.dumps(left_out)}\n".encode()


def read_git(checkout: str, *arguments: str, may_fail: bool = False) -> str:
    """The output of a short git command as text; with `may_fail` a refusal is an empty answer."""
    try:
        return (run_git(checkout, *arguments) or b"").decode("utf-8", "replace").strip()
    except Failure:
        if may_fail:
            return ""
        raise


def run_git(checkout: str, *arguments: str, timeout_s: float = GIT_TIMEOUT_S, max_bytes: int = 2**20) -> bytes | None:
    """The output of a git command; None when it is longer than `max_bytes`. `Failure` says what git said."""
    git = shutil.which(_GIT[0])
    if git is None:
        raise Failure("git is not installed")
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k.startswith("GIT_CONFIG")}
    quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"}
    process = subprocess.Popen(
        [git, *_GIT[1:], *arguments],
        cwd=checkout,
        env=kept | quiet,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=os.name == "posix",
    )
    said: list[bytes] = []
    listener = threading.Thread(target=_keep_beginning, args=(process.stderr, said), daemon=True)
    with process, time_limit(process, timeout_s) as expired:
        listener.start()
        output = process.stdout.read(max_bytes + 1) if process.stdout else b""
        if len(output) > max_bytes:
            kill(process)
        listener.join()
    if expired.is_set():
        raise Failure(f"git {arguments[0]} took longer than {timeout_s:g} s")
    if len(output) > max_bytes:
        return None
    if process.returncode != 0:
        message = b"".join(said).decode("utf-8", "replace").strip()
        raise Failure(f"git {arguments[0]}: {message or f'exit code {process.returncode}'}")
    return output


def _keep_beginning(stream: Any, kept: list[bytes]) -> None:
    """Empty a pipe to its end, so that the other side never waits for us."""
    kept.append(stream.read(4096))
    while stream.read(65536):
        pass


@contextlib.contextmanager
def time_limit(process: "subprocess.Popen[bytes]", timeout_s: float) -> Iterator[threading.Event]:
    """Kill the process when it is not done in time; the event says that this happened."""
    expired = threading.Event()

    def end() -> None:
        expired.set()
        kill(process)

    timer = threading.Timer(timeout_s, end)
    timer.daemon = True
    timer.start()
    try:
        yield expired
        process.wait()
    finally:
        timer.cancel()


def kill(process: "subprocess.Popen[bytes]") -> None:
    """End a process with all that it has started."""
    try:
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except (ProcessLookupError, PermissionError):  # it has ended in the meantime
        pass


def without_password(url: str) -> str:
    """A remote's address without user and password where those may be secret: in all but SSH addresses."""
    parts = urllib.parse.urlsplit(url)
    if "@" not in parts.netloc:
        return url
    user, _, host = parts.netloc.rpartition("@")
    kept = user.partition(":")[0] + "@" if parts.scheme in ("ssh", "git+ssh") else ""
    return parts._replace(netloc=kept + host).geturl()


# Packages -----------------------------------------------------------------------------------------------------


def save_requirements(spec: dict[str, Any]) -> dict[str, Any]:
    """Write the packages that the training process can import as ``requirements.txt``: ``name==version``, sorted."""
    versions: dict[str, str] = {}
    for entry in spec["sys_path"]:
        for name, version in _packages_in(entry):
            versions.setdefault(name.lower().replace("_", "-"), f"{name}=={version}")
    lines = [versions[name] for name in sorted(versions)]
    replace_file(spec, "requirements.txt", "".join(f"{line}\n" for line in lines).encode())
    return {}


def _packages_in(entry: str) -> Iterator[tuple[str, str]]:
    """Name and version of each package that was installed into a folder, or lies in an archive, of the path.

    The heads of their metadata say it; `importlib.metadata` takes twenty times as long to read the same, most of it for
    parsing them as mails.
    """
    if Path(entry).is_file():
        import importlib.metadata

        found = [distribution.metadata for distribution in importlib.metadata.distributions(path=[entry])]
        yield from ((said["Name"], said["Version"]) for said in found if "Name" in said and "Version" in said)
        return
    with contextlib.suppress(OSError), os.scandir(entry) as children:
        for child in children:
            kind = child.name.lower()
            if kind.endswith((".dist-info", ".egg-info")) or kind == "egg-info":
                file = "METADATA" if kind.endswith(".dist-info") else "PKG-INFO"
                said = _head_of(Path(child.path, file) if child.is_dir() else Path(child.path))
                if "Name" in said and "Version" in said:  # broken installations leave folders without
                    yield said["Name"], said["Version"]


def _head_of(metadata: Path) -> dict[str, str]:
    said: dict[str, str] = {}
    with contextlib.suppress(OSError), metadata.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            name, _, value = line.partition(":")
            if name in ("Name", "Version"):
                said.setdefault(name, value.strip())
            if len(said) == 2 or not line.strip():
                break
    return said


def save_conda(spec: dict[str, Any]) -> dict[str, Any]:
    """Write the packages of a conda environment as ``conda-environment.yaml``; nothing outside of one."""
    listed = sorted(Path(spec["prefix"], "conda-meta").glob("*-*-*.json"))
    if listed:
        packages = ["=".join(path.stem.rsplit("-", 2)) for path in listed]
        lines = [f"name: {json.dumps(Path(spec['prefix']).name)}", "dependencies:", *(f"  - {p}" for p in packages)]
        replace_file(spec, "conda-environment.yaml", "\n".join(lines).encode() + b"\n")
    return {}


# Machine: sizes in bytes --------------------------------------------------------------------------------------


def describe_cpu() -> dict[str, Any]:
    """The number of physical cores, where psutil knows it."""
    try:
        import psutil
    except ImportError:
        return {}
    core_count = psutil.cpu_count(logical=False)
    return {"cpu_count": core_count} if core_count else {}


def describe_memory() -> dict[str, Any]:
    """The machine's memory."""
    try:
        import psutil
    except ImportError:
        if not hasattr(os, "sysconf"):
            raise Failure("psutil is not installed") from None
        return {"memory": {"total": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")}}
    return {"memory": {"total": psutil.virtual_memory().total}}


def describe_disk(files_dir: Path) -> dict[str, Any]:
    """The disk that holds the store."""
    mount = files_dir
    while not mount.is_mount() and mount != mount.parent:
        mount = mount.parent
    usage = shutil.disk_usage(mount)
    return {"disk": {str(mount): {"total": usage.total, "used": usage.used}}}


def describe_gpus() -> dict[str, Any]:
    """The NVIDIA GPUs, where there is a driver and pynvml."""
    try:
        import pynvml
    except ImportError:
        return {}
    try:
        pynvml.nvmlInit()
    except (pynvml.NVMLError_LibraryNotFound, pynvml.NVMLError_DriverNotLoaded):
        return {}
    gpus = []
    for i in range(pynvml.nvmlDeviceGetCount()):
        device = pynvml.nvmlDeviceGetHandleByIndex(i)
        name = pynvml.nvmlDeviceGetName(device)
        gpus.append({"name": str(name), "memoryTotal": pynvml.nvmlDeviceGetMemoryInfo(device).total})
    version = pynvml.nvmlSystemGetCudaDriverVersion()
    facts = {"gpu_count": len(gpus), "gpu_nvidia": gpus, "cudaVersion": f"{version // 1000}.{version % 1000 // 10}"}
    return ({"gpu": gpus[0]["name"]} if gpus else {}) | facts


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
