"""Servers on loopback: the real SKS, and small ones that fail or lie as the network's do."""

import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

_SKS_CONFIGURATION: Final = """\
hostname: localhost
hkp_address: 127.0.0.1
hkp_port: {port}
recon_address: 127.0.0.1
"""
_START_SECONDS: Final = 30

Answer = Callable[[BaseHTTPRequestHandler], None]


def free_port() -> int:
    """Return a port on loopback that nobody uses now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def sks_server(seed: bytes) -> Iterator[str]:
    """Start a real key server that knows one key; give its URL."""
    base, port = Path(tempfile.mkdtemp(prefix="rs-sks-")), free_port()
    for name in ("etc/sks", "var/run/sks", "var/log/sks", "var/spool/sks", "var/lib/sks/dump"):
        (base / name).mkdir(parents=True)
    (base / "etc/sks/sksconf").write_text(_SKS_CONFIGURATION.format(port=port))
    dump = base / "var/lib/sks/dump/a.pgp"
    dump.write_bytes(seed)
    options = ("-basedir", str(base))
    subprocess.run(
        ["sks", "build", str(dump), "-n", "1", "-cache", "5", *options],
        cwd=base / "var/lib/sks",
        check=True,
        capture_output=True,
    )
    server = subprocess.Popen(
        ["sks", "db", *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url)
        yield url
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(base, ignore_errors=True)


def _wait_for(url: str) -> None:
    end = time.monotonic() + _START_SECONDS
    while True:
        try:
            urllib.request.urlopen(f"{url}/pks/lookup?op=stats", timeout=5).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return


@dataclass
class Asked:
    """What a small server was asked."""

    url: str
    paths: list[str] = field(default_factory=list)


@contextmanager
def small_server(answer: Answer, *, certificate: "Authority | None" = None) -> Iterator[Asked]:
    """Start a server that answers everything in one way; with a certificate, over TLS."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.paths.append(self.path)
            with contextlib.suppress(OSError):
                answer(self)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            pass

    server = _Server(("127.0.0.1", 0), Handler)
    scheme = "http"
    if certificate:
        server.socket = certificate.context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    asked = Asked(f"{scheme}://127.0.0.1:{server.server_port}")
    with _running(server):
        yield asked


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Say nothing: clients that refuse us are what is tested."""


@contextmanager
def _running(server: ThreadingHTTPServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def document(data: bytes, status: int = 200, **headers: str) -> Answer:
    """Answer with a document."""

    def answer(to: BaseHTTPRequestHandler) -> None:
        to.send_response(status)
        for name, value in {"Content_Length": str(len(data)), **headers}.items():
            to.send_header(name.replace("_", "-"), value)
        to.end_headers()
        to.wfile.write(data)

    return answer


def redirect(target: str, status: int = 302) -> Answer:
    """Answer that the thing is elsewhere."""
    return document(b"", status, Location=target)


@dataclass(frozen=True)
class Authority:
    """A certificate authority of the test's own, and a server certificate for some names by it."""

    certificate: Path
    context: ssl.SSLContext

    @classmethod
    def make(cls, folder: Path, *names: str) -> "Authority":
        """Make both with openssl."""
        alternatives = ",".join(
            f"IP:{one}" if one.replace(".", "").isdigit() else f"DNS:{one}" for one in names
        )
        root, key, leaf = folder / "ca.pem", folder / "server.key", folder / "server.pem"
        new = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
        common = ("-nodes", "-days", "2")
        cls._run(*new, *common, "-subj", "/CN=test CA", "-keyout", folder / "ca.key", "-out", root)
        cls._run(
            *(*new, *common, "-subj", "/CN=server", "-keyout", key, "-out", leaf),
            *("-CA", root, "-CAkey", folder / "ca.key", "-addext", "basicConstraints=CA:FALSE"),
            *("-addext", f"subjectAltName={alternatives}"),
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(leaf, key)
        return cls(root, context)

    @staticmethod
    def _run(*argv: str | Path) -> None:
        subprocess.run(list(map(str, argv)), check=True, capture_output=True, env=os.environ)


@contextmanager
def connect_proxy(target: str) -> Iterator[Asked]:
    """Start a proxy that knows CONNECT and leads all hosts but one to the same server.

    It does not know the host `nowhere.example`, nor hosts named `openpgpkey.` and that.
    """
    port = int(target.rpartition(":")[2])

    class Handler(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            asked.paths.append(self.path)
            if "nowhere.example" in self.path:
                self.send_error(502)
                return
            with socket.create_connection(("127.0.0.1", port)) as upstream:
                self.send_response(200)
                self.end_headers()
                _pass_on(self.connection, upstream)
            self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    server = _Server(("127.0.0.1", 0), Handler)
    asked = Asked(f"http://127.0.0.1:{server.server_port}")
    with _running(server):
        yield asked


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    """Copy both ways until both have said all."""

    def copy(source: socket.socket, to: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                to.sendall(data)
            to.shutdown(socket.SHUT_WR)

    back = threading.Thread(target=copy, args=(other, one), daemon=True)
    back.start()
    copy(one, other)
    back.join()
