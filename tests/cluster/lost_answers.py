"""A way to a PostgreSQL on which answers are lost: what was asked is done, and nobody is told.

Or it is cut: connections stay and begin as ever, and nothing comes through until it is mended, as with a real network.
"""

import contextlib
import socket
import threading


class LosingProxy:
    """Between clients and the server of a Unix socket. `lose` is what a request must contain to get no answer, once,
    `cut_at` what it must contain to cut the way, once: it is the first that waits there.

    Who asked learns that the answer is lost when all is done: sooner, what it asks next would race with that.
    """

    def __init__(self, socket_path, host="127.0.0.1"):
        self.is_open, self.cut_at = threading.Event(), None
        self.is_open.set()
        self._socket_path = str(socket_path)
        self._listening = socket.create_server((host, 0))
        self.port, self.lose, self.lost_count = self._listening.getsockname()[1], None, 0
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self):
        self.is_open.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client):
        with client, socket.socket(socket.AF_UNIX) as server, contextlib.suppress(OSError):
            self.is_open.wait()
            server.connect(self._socket_path)
            is_lost = threading.Event()
            backwards = threading.Thread(target=self._copy, args=(server, client, is_lost), daemon=True)
            backwards.start()
            while data := self._received(client):
                if self.lose is not None and self.lose in data:
                    self.lose, self.lost_count = None, self.lost_count + 1
                    is_lost.set()
                server.sendall(data)
                if is_lost.is_set():
                    break
            server.shutdown(socket.SHUT_WR)
            backwards.join()  # until the server has done what it was asked, and closed

    def _received(self, client):
        """What a client sent, when the way is open."""
        with contextlib.suppress(OSError):  # who gave up has closed it
            data = client.recv(1 << 20)
            if self.cut_at is not None and self.cut_at in data:
                self.cut_at = None
                self.is_open.clear()
            self.is_open.wait()
            return data

    def _copy(self, source, target, is_lost):
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 20):
                self.is_open.wait()
                with contextlib.suppress(OSError):
                    if not is_lost.is_set():
                        target.sendall(data)
