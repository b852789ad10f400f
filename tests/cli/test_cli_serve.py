"""`runlake serve`, `login` and `logout`: the command as a process, and a real server."""

import contextlib
import json
import os
import re
import signal
import ssl
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

import warm
from runlake.service.open import open_service
from runlake.sweep_model import SweepStart
from waiting import DEADLINE_S

VIEWER = {"query": "query Viewer { viewer { username admin } }", "operationName": "Viewer"}


def whose(url, key, **options):
    answer = httpx.post(f"{url}/graphql", json=VIEWER, auth=("api", key), timeout=DEADLINE_S, **options)
    return (answer.json().get("data") or {}).get("viewer")


@pytest.fixture
def serve(tmp_path):
    """Starts the command with these options; answers the process and what it printed until it served."""
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    started = []

    def run(*options, dir_=tmp_path / "store"):
        with (tmp_path / "log").open("ab") as log:
            process = warm.Popen(
                [sys.executable, "-m", "runlake", "serve", "--dir", str(dir_), "--port", "0", *options],
                env=environ,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        started.append(process)
        said = [process.stdout.readline()]
        while " is served at " not in said[-1]:
            assert process.poll() is None, (tmp_path / "log").read_text()
            said.append(process.stdout.readline())
        return process, said[-1].strip().rpartition(" ")[2], said

    yield run
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


@pytest.fixture
def log(tmp_path):
    return lambda: [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]


@pytest.mark.slow
def test_the_first_start_makes_an_admin_and_prints_the_key_once(serve, runlake, log, tmp_path, monkeypatch):
    process, url, said = serve()
    assert said[-1] == f"{tmp_path / 'store'} is served at {url}\n"
    assert said[0] == "First start: ann is the admin, with this key, which is not shown again:\n"
    key = re.fullmatch(r"  export WANDB_API_KEY=(local-[0-9a-f]{40})\n", said[3])[1]
    assert said[2] == f"  export WANDB_BASE_URL={url}\n"
    assert whose(url, key) == {"username": "ann", "admin": True}
    process.terminate()
    assert process.wait(DEADLINE_S) == 0
    assert process.stdout.read() == ""
    again, url, said = serve()
    assert len(said) == 1
    assert whose(url, key) == {"username": "ann", "admin": True}
    monkeypatch.setenv("WANDB_API_KEY", key)
    with contextlib.closing(open_service(url)) as service:
        service.create_sweep("ann", "p", SweepStart(config={"method": "random", "parameters": {"a": {"value": 1}}}))
    places = [tmp_path / "store", *(tmp_path / "store").rglob("*")]
    assert any(place.suffix == ".json" for place in places)
    assert [place for place in places if place.stat().st_mode & 0o077] == []
    again.send_signal(signal.SIGINT)
    assert again.wait(DEADLINE_S) == 0
    assert again.stdout.read() == ""
    requests = [line for line in log() if line["event"] == "request"]
    graphql = [line for line in requests if line["path"] == "/graphql"]
    assert [(line["person"], line["status"]) for line in graphql] == [("ann", 200)] * 2
    assert key not in (tmp_path / "log").read_text()


def test_a_running_server_takes_a_new_key_and_refuses_a_revoked_one_at_once(serve, runlake):
    _, url, _ = serve("--workers", "2", "--limit", "max_header_count=20")
    too_many = {f"x-{number}": "x" for number in range(20)}
    assert httpx.get(url, headers=too_many, timeout=DEADLINE_S).status_code == 431
    key = runlake("user", "add", "bob").out.strip()
    assert [whose(url, key) for _ in range(4)] == [{"username": "bob", "admin": False}] * 4
    key_id = json.loads(runlake("key", "list", "bob", "--json").out)["keys"][0]["key_id"]
    runlake("key", "revoke", key_id)
    assert [whose(url, key) for _ in range(4)] == [None] * 4


@pytest.fixture
def people_elsewhere(monkeypatch, tmp_path):
    """People are kept in a database beside the store, for whatever is started from now on."""
    monkeypatch.setenv("RUNLAKE_PEOPLE_URL", f"sqlite:///{tmp_path / 'people.sqlite'}")
    return tmp_path / "people.sqlite"


@pytest.mark.slow
def test_people_can_be_kept_in_another_database(people_elsewhere, serve, runlake, tmp_path):
    _, url, said = serve()
    (key,) = re.findall(r"WANDB_API_KEY=(\S+)", "".join(said))
    bobs_key = runlake("user", "add", "bob").out.strip()
    assert [whose(url, each)["username"] for each in (key, bobs_key)] == [said[0].split()[2], "bob"]
    assert people_elsewhere.exists()
    assert not (tmp_path / "store" / "server.sqlite").exists()


@pytest.mark.slow
def test_runs_that_were_logged_before_are_served(serve, make_run, runlake, tmp_path):
    make_run("ann/mnist/a1", rows=[{"loss": 1.0}])
    (tmp_path / "store").chmod(0o755)
    _, url, _ = serve()
    said = json.loads((tmp_path / "log").read_text().splitlines()[0])
    assert (said["level"], said["event"]) == (
        "warning",
        f"other users of this machine can enter {tmp_path}/store and read private runs past the server; "
        f"keep them out: chmod go-rwx {tmp_path}/store",
    )
    key = runlake("key", "create", "ann").out.strip()
    query = {"query": '{ project(name: "mnist", entityName: "ann") { run(name: "a1") { name } } }'}
    answer = httpx.post(f"{url}/graphql", json=query, auth=("api", key), timeout=DEADLINE_S).json()
    assert answer == {"data": {"project": {"run": {"name": "a1"}}}}


@pytest.mark.slow
def test_over_tls_the_address_says_so(serve, runlake, tmp_path):
    cert, key_file = tmp_path / "cert.pem", tmp_path / "key.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    try:
        subprocess.run([*made, *names, "-keyout", key_file, "-out", cert], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    _, url, _ = serve("--tls-cert", str(cert), "--tls-key", str(key_file))
    assert url.startswith("https://127.0.0.1:")
    key = runlake("key", "create", "ann").out.strip()
    trusted = ssl.create_default_context(cafile=cert)
    assert whose(url, key, verify=trusted)["username"] == "ann"
    assert "strict-transport-security" in httpx.get(f"{url}/healthz", verify=trusted).headers


@pytest.mark.slow
def test_an_admin_whose_login_cannot_be_an_entity_is_called_admin(serve, monkeypatch, tmp_path):
    monkeypatch.setenv("RUNLAKE_ENTITY", "graphql")
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    process = warm.Popen(
        [sys.executable, "-m", "runlake", "serve", "--dir", str(tmp_path / "s"), "--port", "0"],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        said = process.stdout.readline()
        process.terminate()
    assert said.startswith("First start: admin is the admin, with this key")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--tls-cert", "x"], "--tls-cert and --tls-key go together"),
        (["--tls-cert", "x", "--tls-key", "y"], "the certificate x with the key y cannot be used"),
        (["--base-url", "runs.example.com"], "is no address of a server"),
        (["--log-format", "xml"], "'xml' is not one of 'json', 'text'"),
        (["--port", "70000"], "--port"),
    ],
)
def test_a_start_that_cannot_be_right_is_refused(runlake, options, said, tmp_path):
    ended = runlake("serve", "--port", "0", *options)
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert said in ended.err
    assert "local-" not in ended.out
    assert not (tmp_path / "store" / "server.sqlite").exists()


@pytest.mark.slow
def test_login_keeps_only_a_key_that_the_server_knows_and_logout_forgets_it(serve, runlake, tmp_path):
    _, url, _ = serve()
    (tmp_path / "home").mkdir()
    key, netrc = runlake("user", "add", "bob").out.strip(), tmp_path / "home" / ".netrc"
    refused = f"runlake: {url} does not know this key; it was not kept\n"
    assert runlake("login", url, "--key", "local-" + "0" * 40) == (6, "", refused)
    assert not netrc.exists()
    assert runlake("login", url, "--key", key) == (0, "", f"signed in to {url} as bob; the key is in {netrc}\n")
    assert netrc.read_text() == f"machine {url.removeprefix('http://')}\n  login user\n  password {key}\n"
    signed_in = json.loads(runlake("login", url + "/", "--json", typed=key + "\n").out)
    assert signed_in == {"url": url, "user": "bob", "file": str(netrc)}
    assert runlake("logout", url) == (0, "", f"took the key for {url} out of {netrc}\n")
    assert netrc.read_text() == ""
    assert runlake("logout", url) == (0, "", f"no key for {url} in {netrc}\n")


def test_login_without_a_server_or_with_one_that_is_not_there_says_so(runlake):
    assert runlake("login", "--key", "x").code == 2
    ended = runlake("login", "http://127.0.0.1:9", "--key", "local-" + "0" * 40)
    assert ended.code == 6
    assert "cannot be reached" in ended.err


def test_the_server_of_the_settings_is_taken_when_none_is_named(runlake, monkeypatch):
    monkeypatch.setenv("RUNLAKE_BASE_URL", "http://runs.example.com")
    assert "http://runs.example.com" in runlake("logout").err
