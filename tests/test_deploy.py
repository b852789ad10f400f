"""What lies in deploy/ starts the server that there is."""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

import warm
from command import app
from runlake.cli.people import people_url
from runlake.server.config import ServerConfig
from waiting import DEADLINE_S, wait_until

DEPLOY = Path(__file__).parent.parent / "deploy"


def command_lines():
    """Each `runlake serve` of the folder as its words."""
    unit = (DEPLOY / "runlake.service").read_text("utf-8")
    yield re.search(r"^ExecStart=\S+/runlake (serve .*)$", unit, re.MULTILINE)[1].split()
    yield json.loads(
        re.search(r"^CMD (\[\"serve.*\])$", (DEPLOY / "Containerfile").read_text("utf-8"), re.MULTILINE)[1]
    )
    yield compose_of("compose.yaml")["services"]["runlake"]["command"]
    yield from (compose_of("compose.cluster.yaml")["services"][name]["command"] for name in ("runlake", "runlake2"))
    yield pod()["containers"][0]["args"]


def compose_of(name):
    return yaml.safe_load((DEPLOY / name).read_text("utf-8"))


def of_kubernetes():
    """The documents of the manifest by their kind."""
    return {each["kind"]: each for each in yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text("utf-8"))}


def pod():
    return of_kubernetes()["Deployment"]["spec"]["template"]["spec"]


IDS = ["unit", "container", "compose", "replica", "replica 2", "kubernetes"]


@pytest.mark.parametrize("words", list(command_lines()), ids=IDS)
def test_every_option_is_one_that_serve_has(words):
    known = {spelling for parameter in get_command(app).commands["serve"].params for spelling in parameter.opts}
    assert words[0] == "serve"
    assert {word for word in words if word.startswith("--")} <= known


def test_the_server_is_given_more_time_to_end_than_it_takes():
    drain_s = ServerConfig(root="", default_entity="ann").drain_s
    unit = (DEPLOY / "runlake.service").read_text("utf-8")
    assert int(re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)[1]) > drain_s
    for service in (compose_of("compose.yaml")["services"], compose_of("compose.cluster.yaml")["services"]):
        assert int(service["runlake"]["stop_grace_period"].rstrip("s")) > drain_s
    pause_s = pod()["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod()["terminationGracePeriodSeconds"] > drain_s + pause_s


def variables():
    """The variables that each way to start replicas sets for them."""
    yield compose_of("compose.cluster.yaml")["services"]["runlake2"]["environment"].keys()
    yield {each["name"] for each in pod()["containers"][0]["env"]}


OTHERS_VARIABLES = {"FORWARDED_ALLOW_IPS"}  # uvicorn's


@pytest.mark.parametrize("names", list(variables()), ids=["compose", "kubernetes"])
def test_every_variable_is_one_that_is_read(names):
    of_serve = {name for parameter in get_command(app).commands["serve"].params for name in envvars_of(parameter)}
    assert people_url({"RUNLAKE_PEOPLE_URL": "sqlite://"}) == "sqlite://"
    ours = {*of_serve, "RUNLAKE_PEOPLE_URL"}
    of_aws = {f"AWS_{name}" for name in ("ENDPOINT_URL", "REGION", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY")}
    assert names - ours - of_aws - OTHERS_VARIABLES == set()
    assert {"RUNLAKE_DATABASE", "RUNLAKE_BUCKET"} <= names


def envvars_of(parameter):
    return [parameter.envvar] if isinstance(parameter.envvar, str) else parameter.envvar or []


def test_probes_ask_routes_that_there_are_and_secrets_are_named_by_who_makes_them():
    (container,) = pod()["containers"]
    probes = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "readiness", "liveness")}
    assert probes == {"startup": "/healthz", "readiness": "/readyz", "liveness": "/healthz"}
    assert "health_uri /readyz" in compose_of("compose.cluster.yaml")["services"]["proxy"]["command"][0]
    wanted = {each["valueFrom"]["secretKeyRef"]["key"] for each in container["env"] if "valueFrom" in each}
    text = (DEPLOY / "kubernetes.yaml").read_text("utf-8")
    assert wanted == set(re.findall(r"--from-literal=([\w-]+)=", text))
    labels = of_kubernetes()["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert of_kubernetes()["Service"]["spec"]["selector"] == labels
    assert of_kubernetes()["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels


@pytest.mark.integration
@pytest.mark.parametrize("version", ["1.30", "1.37"])
def test_kubernetes_takes_the_manifest(version):
    kubernetes = pytest.importorskip("kubernetes_validate")
    for document in of_kubernetes().values():
        kubernetes.validate(document, version, strict=True)
    wrong = of_kubernetes()["Service"] | {"sort": "Service"}
    with pytest.raises(kubernetes.ValidationError):
        kubernetes.validate(wrong, version, strict=True)


@pytest.mark.integration
@pytest.mark.parametrize("name", ["compose.yaml", "compose.cluster.yaml"])
def test_the_compose_files_are_what_the_specification_says(name):
    compose = pytest.importorskip("compose_spec").PyCompose
    compose.from_json(json.dumps(compose_of(name))).validate()
    with pytest.raises(ValueError, match="stop_grace_periods"):
        compose.from_json(json.dumps({"services": {"a": {"image": "a", "stop_grace_periods": "45s"}}}))


def test_the_image_has_the_extras_that_its_commands_need():
    (extras,) = re.findall(r"'\.\[(\S+)\]'", (DEPLOY / "Containerfile").read_text("utf-8"))
    project = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text("utf-8"))["project"]
    assert {"server", "cluster", "mcp"} == set(extras.split(",")) <= project["optional-dependencies"].keys()


def instructions(word):
    """What the Containerfile says behind a word, joined where a line goes on."""
    text = (DEPLOY / "Containerfile").read_text("utf-8").replace("\\\n", " ")
    return re.findall(rf"^{word} (.*)$", text, re.MULTILINE)


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """What the container file installs, of nothing but the files that it copies."""
    folder = tmp_path_factory.mktemp("image")
    for line in instructions("COPY"):
        *names, target = line.split()
        for name in names:
            source = DEPLOY.parent / name
            if source.is_dir():
                shutil.copytree(source, folder / "src" / target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                (folder / "src" / target).mkdir(parents=True, exist_ok=True)
                shutil.copy(source, folder / "src" / target)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    command += ["--disable-pip-version-check", "--target", folder / "site", folder / "src"]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "site"


@pytest.mark.slow
def test_everything_of_the_package_is_in_the_image(image):
    package = DEPLOY.parent / "src" / "runlake"
    files = {file.relative_to(package) for file in package.rglob("*") if file.is_file() and file.suffix != ".pyc"}
    assert sorted(file for file in files if not (image / "runlake" / file).exists()) == []


@pytest.mark.long
def test_the_command_of_the_image_serves_and_its_health_check_says_so(image, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    def of_this_machine(line):
        return [word.replace("8080", str(port)).replace("/store", str(tmp_path)) for word in json.loads(line)]

    (entry,), (command,) = instructions("ENTRYPOINT"), instructions("CMD")
    (health,) = (line.partition("CMD ")[2] for line in instructions("HEALTHCHECK"))
    environ = dict(pair.split("=") for line in instructions("ENV") for pair in line.split())
    environ = {"PATH": os.environ["PATH"], **environ, "RUNLAKE_DIR": str(tmp_path), "PYTHONPATH": str(image)}
    assert json.loads(entry) == ["runlake"]
    with (tmp_path / "log").open("w") as log:
        server = warm.Popen(
            [sys.executable, "-m", "runlake", *of_this_machine(command)],
            env=environ,
            stdout=subprocess.PIPE,
            stderr=log,
        )
    with contextlib.closing(server.stdout):
        said = [server.stdout.readline().decode() for _ in range(4)]
        assert said[0].startswith("First start: admin is the admin"), (tmp_path / "log").read_text()
        assert re.search("WANDB_API_KEY=local-[0-9a-f]{40}", "".join(said))
        python, *words = of_this_machine(health)
        assert python == "python"
        wait_until(
            lambda: warm.run([sys.executable, *words], capture_output=True).returncode == 0,
            (tmp_path / "log").read_text,
        )
        server.terminate()
        assert server.wait(DEADLINE_S) == 0
