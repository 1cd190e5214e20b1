"""A real browser, without a window and without a network, that opens pages from files."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

DARK = "--blink-settings=preferredColorScheme=0"


@dataclass(frozen=True)
class Browser:
    """Chromium with a profile of its own; loopback is the only network it reaches."""

    folder: Path

    def dom(self, page: Path, *options: str) -> str:
        """Return what the page has become once all of it was loaded and run."""
        return self._open(page, "--dump-dom", *options)

    def picture(self, page: Path, name: str, *options: str) -> bytes:
        """Return a PNG of the page's top."""
        target = self.folder / name
        self._open(page, f"--screenshot={target}", "--hide-scrollbars", *options)
        return target.read_bytes()

    def printed(self, page: Path) -> Path:
        """Print the page to PDF."""
        target = self.folder / "page.pdf"
        self._open(page, f"--print-to-pdf={target}", "--no-pdf-header-footer")
        return target

    def _open(self, page: Path, *options: str) -> str:
        argv = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
        argv += [f"--user-data-dir={self.folder / 'profile'}", "--proxy-server=127.0.0.1:9"]
        argv += ["--disable-dev-shm-usage", *options, page.absolute().as_uri()]
        done = subprocess.run(
            argv,
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "LC_ALL": "C.UTF-8"},
            capture_output=True,
            check=True,
            timeout=120,
        )
        return done.stdout.decode()


@dataclass(frozen=True)
class Listener:
    """A server that only notes what is asked of it."""

    url: str
    asked: list[str] = field(default_factory=list)


@contextmanager
def listening() -> Iterator[Listener]:
    """Listen on loopback, as whoever wants to know who reads a page would."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Listener(f"http://127.0.0.1:{server.server_port}", asked)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
