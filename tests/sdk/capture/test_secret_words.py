"""What a run keeps of how it was started, and what it does not."""

import subprocess

import pytest

from runlake.sdk.capture import capture_process
from runlake.sdk.capture.capture import capture_spec
from runlake.sdk.capture.secret_words import hide_in_args, hide_in_url
from runlake.settings import Settings


@pytest.mark.parametrize(
    ("args", "kept"),
    [
        (["--api-key=abc", "x"], ["--api-key=***", "x"]),
        (["--password", "abc", "--lr", "0.1"], ["--password", "***", "--lr", "0.1"]),
        (["--hf_token", "abc"], ["--hf_token", "***"]),
        (["-secret", "-abc", "y"], ["-secret", "***", "y"]),
        (["--token", "--lr", "1"], ["--token", "--lr", "1"]),
        (["WANDB_API_KEY=abc", "AWS_SECRET_ACCESS_KEY=a=b"], ["WANDB_API_KEY=***", "AWS_SECRET_ACCESS_KEY=***"]),
        (["+logger.apiKey=abc", "db.password=x"], ["+logger.apiKey=***", "db.password=***"]),
        (["--dsn", "postgres://ann:pw@host/db"], ["--dsn", "postgres://***@host/db"]),
        (["https://tok@host/x?access_token=abc&b=1"], ["https://***@host/x?access_token=***&b=1"]),
        (["--password="], ["--password="]),
    ],
)
def test_values_that_are_called_a_secret_are_not_kept(args, kept):
    assert hide_in_args(args) == kept


def test_other_arguments_are_kept_as_they_are():
    args = ["--max-tokens", "5", "--pad-token", "<pad>", "--tokenizer=bert", "--tokens=3", "--keys", "a", "--key=b"]
    args += ["--public-key-size", "2", "key=1", "monkey=2", "--author", "ann", "password", "x", "a=--token", ""]
    args += ["https://host/x?page=2", "s3://bucket/a:b@c", "ssh://git@host/x", "what?token", "--secretary=eve"]
    assert hide_in_args(args) == args


@pytest.mark.parametrize("text", ["a_" * 60_000, "a." * 60_000 + "://", "?" + "a-" * 60_000, "://" + "a:" * 60_000])
def test_long_arguments_are_looked_at_in_no_time(text):
    """A pattern that tries every division of them would not come back."""
    assert (hide_in_args([text]), hide_in_url(text)) == ([text], text)


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "-q")
    for name in ("train.py", ".env", "sub/.ENV.local", "keys/id_rsa", "deploy.pem", "environment.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("before\n")
    git(folder, "add", ".")
    git(folder, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "first")
    git(folder, "remote", "add", "origin", "https://ann:pw@git.example/x.git?private_token=abc&ref=1")
    return folder


def git(folder, *arguments):
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


def captured(checkout, tmp_path):
    files_dir = tmp_path / "files"
    files_dir.mkdir()
    spec = capture_spec(Settings(), files_dir, checkout)
    return capture_process.describe_checkout(spec) | capture_process.save_diff(spec), files_dir / "diff.patch"


def test_the_diff_leaves_out_files_with_secrets_and_says_so(checkout, tmp_path):
    secret = [".env", "deploy.pem", "keys/id_rsa", "sub/.ENV.local"]
    for name in [*secret, "train.py", "environment.py"]:
        (checkout / name).write_text("after, and a secret\n")
    facts, patch = captured(checkout, tmp_path)
    assert facts["diffLeftOut"] == secret
    head, _, diff = patch.read_text().partition("\n")
    assert head == (
        '# Changed too, and not kept because of the name: [".env", "deploy.pem", "keys/id_rsa", "sub/.ENV.local"]'
    )
    assert [line.split(" b/")[1] for line in diff.splitlines() if line.startswith("diff --git")] == [
        "environment.py",
        "train.py",
    ]
    git(checkout, "checkout", "-q", ".")
    git(checkout, "apply", str(patch))
    assert (checkout / "train.py").read_text() == "after, and a secret\n"
    assert (checkout / ".env").read_text() == "before\n"


def test_where_nothing_else_has_changed_there_is_no_patch(checkout, tmp_path):
    (checkout / ".env").write_text("KEY=abc\n")
    facts, patch = captured(checkout, tmp_path)
    assert (facts["diffLeftOut"], patch.exists()) == ([".env"], False)


def test_a_remote_is_kept_without_password_and_token(checkout, tmp_path):
    facts, _ = captured(checkout, tmp_path)
    assert facts["git"]["remote"] == "https://git.example/x.git?private_token=***&ref=1"
    assert "diffLeftOut" not in facts
