"""The official client and a server with a certificate: `wandb verify`, and training, reading and editing over https."""

import re
import subprocess
from pathlib import Path

import pytest
from seat import FolderPlace, Seat, serve

HERE = Path(__file__).parent

works = pytest.mark.works


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for this machine, signed by itself, and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    try:
        subprocess.run(
            [*command, "-keyout", "key.pem", "-out", "cert.pem"], cwd=folder, check=True, capture_output=True
        )
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture(scope="module")
def secure_seat(certificate, tmp_path_factory):
    """A user of the official client before a server that speaks TLS only, over an empty store."""
    home = tmp_path_factory.mktemp("secure")
    cert, key = certificate
    (home / "store").mkdir()
    with serve(home / "store", "--tls-cert", cert, "--tls-key", key, log=home / "server.log") as url:
        assert url.startswith("https://")
        yield Seat(home / "seat", FolderPlace(home / "store"), url)


@pytest.fixture(scope="module")
def trusted(certificate):
    """The variables by which the client's two halves, one in Go and one in Python, are told whom to trust."""
    cert, _ = certificate
    return {"SSL_CERT_FILE": str(cert), "REQUESTS_CA_BUNDLE": str(cert)}


@pytest.mark.long
@works("wandb verify")
def test_verify_is_content_with_a_server_that_has_a_certificate(secure_seat, trusted):
    folder = secure_seat.folder()
    done = secure_seat.run(None, "verify", command="wandb", folder=folder, TMPDIR=str(folder), **trusted)
    found = dict(re.findall(r"^(Checking [^.]+)\.+(.*)$", done.printed, re.MULTILINE))
    assert set(found.values()) == {"✅"}
    assert set(found) == {
        "Checking if logged in",
        "Checking signed URL upload",
        "Checking ability to send large payloads through proxy",
        "Checking requests to base url",
        "Checking requests made over signed URLs",
        "Checking CORs configuration of the bucket",
        "Checking wandb package version is up to date",
        "Checking logged metrics, saving and downloading a file",
        "Checking artifact save and download workflows",
        "Checking sweep creation and agent execution",
    }


def test_a_training_and_what_is_read_and_edited_of_it_go_over_tls(secure_seat, trusted):
    found = secure_seat.run(HERE / "secure_tour.py", **trusted).answers()
    losses = [1 / (step + 1) for step in range(1200)]
    url = f"{secure_seat.url}/ada/secure/runs/trained"
    assert found == {
        "about": ["finished", url, {"lr": 0.1}, losses[-1]],
        "scan": losses,
        "history": 100,
        "file": "weights",
        "urls": ["https"],
        "edit": [0.2, 5],
    }
    run = secure_seat.api.run("ada/secure/trained")
    assert (run.state, run.config["lr"]) == ("finished", 0.2)
    assert run.to_arrow(keys=["loss"])["loss"].to_pylist() == losses


def test_a_client_that_does_not_trust_the_certificate_sends_nothing(secure_seat):
    code = "import wandb; wandb.init(entity='ada', project='secure', id='untrusted', settings={'init_timeout': 5})"
    done = secure_seat.run_code(code, code=1)
    assert "certificate" in done.complaints
    assert [run.id for run in secure_seat.api.runs("ada/secure")] == ["trained"]
