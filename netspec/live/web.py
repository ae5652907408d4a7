"""A picture in a browser: on the loopback address alone, for who knows the token in the address.

The token keeps other users of the machine out, and other pages in the browser: requests are answered only where the
address and the `Host` are ours, so that no name of a stranger can be made to mean this server.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from threading import Lock, Thread
from typing import Any

from netspec.live.picture import Picture

ADDRESS = "127.0.0.1"
MOST_LISTENERS = 32
LONGEST_REQUEST = 4096
QUIET = 15.0
"""Seconds after which a line without news keeps a connection open."""
_ASSETS = Path(__file__).with_name("assets")
_POLICY = "default-src 'self'; style-src 'self'; script-src 'self'; frame-ancestors 'self'; base-uri 'none'"


class Live:
    """A server for one picture. `chosen` is called with the name of a stage that is selected in the page."""

    def __init__(self, port: int = 0, chosen: Callable[[str], None] | None = None) -> None:
        self.token = secrets.token_urlsafe(16)
        self.chosen = chosen
        self.picture = Picture("", "")
        self.page = ""
        self.version = 0
        self._listeners: list[Queue[str]] = []
        self._lock = Lock()
        self._server = _Server((ADDRESS, port), self)

    @property
    def url(self) -> str:
        return f"http://{ADDRESS}:{self._server.server_port}/{self.token}/"

    def start(self) -> None:
        """Answers from now on, in a thread of its own."""
        Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def show(self, picture: Picture) -> None:
        """A new picture; where the net does not fit, the last one that did stays behind what is wrong."""
        with self._lock:
            self.picture = picture
            if picture.page and picture.page != self.page:
                self.page, self.version = picture.page, self.version + 1
        self._tell({"version": self.version, "wrong": picture.wrong})

    def select(self, name: str) -> None:
        """Selects a stage in the page."""
        self._tell({"select": name})

    def _tell(self, news: dict[str, Any]) -> None:
        with self._lock:
            for listener in self._listeners:
                listener.put(json.dumps(news))

    def listener(self) -> Queue[str] | None:
        """What is told from now on; None where too many listen already."""
        queue: Queue[str] = Queue()
        with self._lock:
            if len(self._listeners) >= MOST_LISTENERS:
                return None
            self._listeners.append(queue)
            queue.put(json.dumps({"version": self.version, "wrong": self.picture.wrong}))
        return queue

    def leave(self, queue: Queue[str]) -> None:
        with self._lock:
            self._listeners.remove(queue)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], live: Live) -> None:
        super().__init__(address, _Answers)
        self.live = live


class _Answers(BaseHTTPRequestHandler):
    """One request."""

    server: _Server
    timeout = 60

    def do_GET(self) -> None:
        match self._place():
            case "":
                self._send(_asset("live.html"), "text/html")
            case "live.js":
                self._send(_asset("live.js"), "text/javascript")
            case "live.css":
                self._send(_asset("live.css"), "text/css")
            case "page":
                self._send(self.server.live.page, "text/html", policy=False)
            case "news":
                self._news()
            case _:
                self.send_error(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0) if self._place() == "select" else -1
        ours = self.headers.get("Origin") in (None, f"http://{self.headers.get('Host')}")
        if not 0 <= length <= LONGEST_REQUEST or not ours:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        name = self.rfile.read(length).decode("utf-8", "replace")
        if self.server.live.chosen is not None:
            self.server.live.chosen(name)
        self.send_response(HTTPStatus.NO_CONTENT)
        self.end_headers()

    def _place(self) -> str | None:
        """What is asked for; None where the token or the host is not ours."""
        live = self.server.live
        port = self.server.server_port
        if self.headers.get("Host") not in (f"{ADDRESS}:{port}", f"localhost:{port}"):
            return None
        _, token, *rest = (*self.path.partition("?")[0].split("/", 2), "", "")
        return rest[0] if secrets.compare_digest(token.encode(), live.token.encode()) else None

    def _send(self, text: str, kind: str, *, policy: bool = True) -> None:
        body = text.encode("utf-8")
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("X-Content-Type-Options", "nosniff")
        if policy:
            self.send_header("Content-Security-Policy", _POLICY)
        self.end_headers()
        self.wfile.write(body)

    def _news(self) -> None:
        """Server-sent events: a line of JSON each time that something is new."""
        queue = self.server.live.listener()
        if queue is None:
            self.send_error(HTTPStatus.SERVICE_UNAVAILABLE)
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        try:
            while True:
                try:
                    self.wfile.write(f"data: {queue.get(timeout=QUIET)}\n\n".encode())
                except Empty:
                    self.wfile.write(b": still here\n\n")
                self.wfile.flush()
        except OSError:  # who listened has gone
            pass
        finally:
            self.server.live.leave(queue)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Nothing: the terminal is for what is wrong with the spec."""


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")
