"""What `runlake serve` becomes over a cluster: a process that serves, and in which nothing else ever was.

To read the command line and to prove the bucket take 20 MB, which a process does not give back.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

_NAME = "runlake.cli.serving_process"

if TYPE_CHECKING:
    from runlake.server.config import ServerConfig
    from runlake.server.serving import Tls


def become(config: ServerConfig, listening: socket.socket, tls: Tls | None) -> NoReturn:
    """Go on as such a process: with the same number, in the same place, with the same socket."""
    os.environ.update(config.to_environment())
    files = [] if tls is None else [str(tls.cert.absolute()), str(tls.key.absolute())]
    os.execv(sys.executable, [sys.executable, "-m", _NAME, str(listening.fileno()), *files])


def main() -> None:
    """As `serve.serve` goes on elsewhere, with the same answers to what fails."""
    from runlake.cli.failures import describe, exit_code_of
    from runlake.cli.output import print_error, print_traceback

    try:
        from runlake.server.config import ServerConfig
        from runlake.server.serving import Tls, serve

        fileno, *files = sys.argv[1:]
        with socket.socket(fileno=int(fileno)) as listening:
            tls = Tls(*map(Path, files)) if files else None
            serve(ServerConfig.from_environment(os.environ), listening, tls=tls)
    except (Exception, KeyboardInterrupt) as error:
        if os.environ.get("RUNLAKE_TRACEBACK") == "1":
            print_traceback(error)
        print_error(describe(error))
        sys.exit(exit_code_of(error))


if __name__ == "__main__":
    main()
