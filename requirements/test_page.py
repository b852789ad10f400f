"""Check the types of the page's sources and run their tests: ``python requirements/test_page.py .venv/node``.

With the Node that builds the page (`build_page`), and what the lock file of `web/` has for tests.
"""

import subprocess
import sys
from pathlib import Path

from build_page import WEB, CannotBuildError, has_packages, install_node, npm_of, run


def main(folder: str, *options: str) -> None:
    """End with 1 where types or tests fail; where the tools cannot be had say so, and do with ``--must``."""
    place = Path(folder).absolute()
    try:
        node = install_node(place)
        if not has_packages(with_tests=True):
            run([node, npm_of(node), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], place)
    except CannotBuildError as error:
        print(f"the sources of the page are not tested: {error}", flush=True)
        sys.exit(1 if "--must" in options else 0)
    for tool, *words in (("typescript/bin/tsc", "--noEmit"), ("vitest/vitest.mjs", "run", "--reporter=dot")):
        print(tool.partition("/")[0], flush=True)
        ended = subprocess.run([str(node), str(WEB / "node_modules" / tool), *words], cwd=WEB, check=False)
        if ended.returncode:
            sys.exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
