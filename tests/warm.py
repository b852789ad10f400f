"""Python processes that find the packages of others imported already: what most of a short process is busy with.

One process, started by the first who asks, imports them and waits; each process asked for is a fork of it, with the
arguments, the folder, the variables and the files it was given. It is a process like any other: a pid, a session,
signals, an end of its own, and it is a child of who asked. `runlake` it imports itself. What says what Python imports,
or how it starts, asks `subprocess`; so does everybody when the tests are run with ``--cold``.
"""

import atexit
import builtins
import contextlib
import ctypes
import gc
import importlib
import inspect
import io
import json
import multiprocessing.process
import os
import runpy
import signal
import site
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path

PACKAGES = """
    numpy pandas pyarrow pyarrow.compute pyarrow.csv pyarrow.feather pyarrow.json pyarrow.pandas_compat pyarrow.parquet
    asyncio concurrent.futures http.cookiejar multiprocessing.pool sqlite3 xml.etree.ElementTree
    anyio._backends._asyncio graphql httpx httptools litestar litestar.datastructures litestar.openapi
    litestar.openapi.plugins litestar.middleware msgspec.json msgspec.msgpack prometheus_client psutil rich.console
    rich.table rich.progress sqlalchemy sqlalchemy.dialects.sqlite typer typer.rich_utils uvicorn uvicorn.lifespan.on
    uvicorn.loops.auto uvicorn.protocols.http.httptools_impl uvicorn.protocols.websockets.auto uvloop yaml
"""
_START = "import sys; sys.path[0] = sys.argv[1]; import warm; del sys.path[0]; warm.serve(int(sys.argv[2]))"
_SUBREAPER = 36
_lock = threading.Lock()
_source = None


def use_cold():
    """From now on, every process is started by `subprocess`."""
    global _source
    _source = False


def is_used():
    """Whether processes begin warm here: on Linux, and not with ``--cold``."""
    return sys.platform == "linux" and _source is not False


def stop():
    """End the process that the others come from: it does when nobody can ask any more."""
    if _source:
        _source.close()


class Popen(subprocess.Popen):
    """`subprocess.Popen`, for ``[sys.executable, (-W, what), -c | -m | a file, …]``; what else is asked for is cold."""

    def _execute_child(self, *given, **named):
        asked = inspect.signature(super()._execute_child).bind(*given, **named).arguments
        job = _job_of(asked)
        if job is None:
            return super()._execute_child(*given, **named)
        files = [asked["p2cread"], asked["c2pwrite"], asked["errwrite"]]
        self.pid = _fork(job, [standard if file == -1 else file for standard, file in enumerate(files)])
        self._child_created = True
        self._close_pipe_fds(*(asked[name] for name in _PIPES))


_PIPES = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")


def run(arguments, *, input=None, capture_output=False, timeout=None, check=False, **options):
    """`subprocess.run`."""
    if capture_output:
        options |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    if input is not None:
        options["stdin"] = subprocess.PIPE
    with Popen(arguments, **options) as process:
        try:
            out, err = process.communicate(input, timeout=timeout)
        except BaseException:
            process.kill()
            raise
    done = subprocess.CompletedProcess(arguments, process.returncode, out, err)
    if check:
        done.check_returncode()
    return done


def _job_of(asked):
    """What the process is to do; None where only a cold one can."""
    arguments, environ = [os.fspath(word) for word in asked["args"]], asked["env"]
    environ = dict(os.environ if environ is None else environ)
    if not is_used() or arguments[0] != sys.executable:
        return None
    if asked["preexec_fn"] is not None or asked["pass_fds"] or asked["shell"]:
        return None
    if any(name.startswith(("PYTHON", "LC_", "LANG")) and environ[name] != os.environ.get(name)
           for name in environ if name != "PYTHONPATH"):  # fmt: skip
        return None
    words, warns = arguments[1:], []
    while words[0] == "-W":
        warns, words = [*warns, words[1]], words[2:]
    if words[0].startswith("-") and words[0] not in ("-c", "-m"):
        return None
    return {
        "all": arguments,
        "words": words,
        "warns": warns,
        "folder": os.fspath(asked["cwd"] or Path.cwd()),
        "environ": environ,
        "session": asked["start_new_session"],
    }


def _fork(job, files):
    """The pid of a child of this process that does the job, with these files as stdin, stdout and stderr."""
    global _source
    body = json.dumps(job).encode()
    with _lock:
        if _source is None:
            _source = _begin()
        prctl = ctypes.CDLL(None).prctl
        prctl(_SUBREAPER, 1, 0, 0, 0)  # whom its parent leaves behind, is a child of this process from then on
        try:
            socket.send_fds(_source, [len(body).to_bytes(4)], files)
            _source.sendall(body)
            return int.from_bytes(_source.recv(4, socket.MSG_WAITALL))
        finally:
            prctl(_SUBREAPER, 0, 0, 0, 0)


def _begin():
    ours, its = socket.socketpair()
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-c", _START, str(Path(__file__).parent), str(its.fileno())]
    with its:
        process = subprocess.Popen(command, env=environ, pass_fds=[its.fileno()], stdin=subprocess.DEVNULL)
    process.returncode = 0  # it ends when this process closes its side: nobody waits for it
    return ours


def serve(file):
    """Import the packages and fork, in the process that all others come from; in the forks, do the job."""
    with contextlib.suppress(ImportError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in PACKAGES.split():
            importlib.import_module(name)
        sys.modules["pyarrow"].array([])  # looks for pandas the first time
    gc.collect()
    gc.freeze()
    asking = socket.socket(fileno=file)
    while True:
        head, files, _, _ = socket.recv_fds(asking, 4, 3)
        if not head:
            return
        job = json.loads(asking.recv(int.from_bytes(head), socket.MSG_WAITALL))
        told, tells = os.pipe()
        between = os.fork()
        if between == 0:
            parent = os.getpid()
            child = os.fork()
            if child != 0:
                os.write(tells, child.to_bytes(4))
                os._exit(0)
            for each in (told, tells):
                os.close(each)
            asking.close()
            while os.getppid() == parent:
                time.sleep(0.0002)
            _do(job, files)
        os.waitpid(between, 0)
        asking.sendall(os.read(told, 4))
        for each in (told, tells, *files):
            os.close(each)


def _do(job, files):
    """Be what was asked for, up to the end: what Python does there, without taking all that was imported apart."""
    if job["session"]:
        os.setsid()
    _take_files(files, is_buffered=not job["environ"].get("PYTHONUNBUFFERED"))
    os.chdir(job["folder"])
    os.environ.clear()
    os.environ.update(job["environ"])
    time.tzset()
    tempfile.tempdir = None
    multiprocessing.process.ORIGINAL_DIR = job["folder"]  # where spawned processes are told to begin
    for what in job["warns"]:
        warnings.simplefilter(what)
    sys.warnoptions[:] = job["warns"]
    sys.orig_argv[:] = job["all"]
    code = 0
    try:
        _run(*job["words"], paths=job["environ"].get("PYTHONPATH", ""))
    except SystemExit as end:
        code = end.code
        if code is not None and not isinstance(code, int):
            print(code, file=sys.stderr)
            code = 1
    except BaseException as error:
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        code = -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BrokenPipeError, ValueError):
            stream.flush()
    if code == -signal.SIGINT:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit((code or 0) & 0xFF)


def _run(kind, *rest, paths):
    script = Path(kind).resolve()
    first = str(script.parent) if kind[0] != "-" else "" if kind == "-c" else os.getcwd()  # noqa: PTH109
    sys.path[:0] = filter(None, paths.split(os.pathsep))
    importlib.invalidate_caches()
    site.execsitecustomize()
    sys.path.insert(0, first)
    sys.modules.pop("warm")
    main = sys.modules["__main__"].__dict__
    main.clear()
    main.update({"__name__": "__main__", "__builtins__": builtins, "__spec__": None, "__doc__": None})
    if kind == "-m":
        sys.argv[:] = rest
        runpy._run_module_as_main(rest[0])
    elif kind == "-c":
        sys.argv[:] = ["-c", *rest[1:]]
        exec(compile(rest[0], "<string>", "exec"), main)
    else:
        sys.argv[:] = [kind, *rest]
        main["__file__"] = str(Path(kind).absolute())
        exec(compile(script.read_bytes(), main["__file__"], "exec"), main)


def _take_files(files, *, is_buffered):
    for standard, file in enumerate(files):
        os.dup2(file, standard)
    for file in set(files) - {0, 1, 2}:
        os.close(file)
    sys.stdin = sys.__stdin__ = open(0, closefd=False)  # noqa: SIM115
    if is_buffered:
        sys.stdout = sys.__stdout__ = open(1, "w", closefd=False)  # noqa: SIM115
    else:
        raw = open(1, "wb", 0, closefd=False)  # noqa: SIM115
        sys.stdout = sys.__stdout__ = io.TextIOWrapper(raw, write_through=True)
    sys.stderr = sys.__stderr__ = open(2, "w", 1, errors="backslashreplace", closefd=False)  # noqa: SIM115
