"""A server on this machine that does to one file what networks do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    """Serves `content`; `faults` are used up one a request, then all goes well.

    A fault is a dict: `status` answers with that alone; `cut` closes after so many bytes; `stall` sends so many bytes
    and then nothing; `ignores_range`, `wrong_range`, `no_length` and `extra` (bytes beyond the end) are about headers.
    """

    daemon_threads = True

    def __init__(self, content: bytes, *faults: dict) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.faults = content, list(faults)
        self.ranges: list[str | None] = []
        self.over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/file.tar.gz"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves is part of the play."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server, asked = self.server, self.headers["Range"]
        server.ranges.append(asked)
        fault = server.faults.pop(0) if server.faults else {}
        content = server.content + b"!" * fault.get("extra", 0)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and not fault.get("ignores_range") else 0
        if "status" in fault or start >= len(content):
            self.send_error(fault.get("status", 416))
            return
        self.send_response(206 if start else 200)
        if start:
            said = start + 1 if fault.get("wrong_range") else start
            self.send_header("Content-Range", f"bytes {said}-{len(content) - 1}/{len(content)}")
        if not fault.get("no_length") and not fault.get("extra"):
            self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        rest = content[start:]
        self.wfile.write(rest[: fault.get("cut", fault.get("stall", len(rest)))])
        if "stall" in fault:
            self.wfile.flush()
            server.over.wait(20)

    def log_message(self, format: str, *arguments: object) -> None:
        """Tests are quiet."""


@contextmanager
def serve(content: bytes, *faults: dict) -> Iterator[Server]:
    with Server(content, *faults) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
