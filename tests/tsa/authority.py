"""A real time-stamping authority: `openssl ts` behind a few lines of http.server, on loopback."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_SETTINGS = """
[tsa]
default_tsa = this
[this]
serial = serial
signer_cert = tsa.crt
signer_key = tsa.key
signer_digest = {hash}
default_policy = 1.2.3.4.1
digests = {digests}
accuracy = secs:1
{chain}
"""
_EXTENSIONS = "extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n"


@dataclass
class Authority:
    """A root, and a certificate for time-stamping under it, in a folder of their own."""

    folder: Path
    name: str
    hash: str = "sha256"
    digests: str = "sha256, sha384, sha512"
    with_root: bool = False
    """Send the root too."""

    def __post_init__(self) -> None:
        self.folder.mkdir()
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        # longer than the other certificate: openssl does not sort what it sends
        root = f"/O=The Institute of Root Certificates and Clocks/CN=Root of {self.name}"
        self._openssl(
            "req", "-x509", *key, "-keyout", "root.key", "-out", "root.pem", "-subj", root
        )
        self._openssl(
            "req", *key, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", f"/CN={self.name}"
        )
        (self.folder / "extensions").write_text(_EXTENSIONS)
        issuer = ("-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial")
        self._openssl(
            "x509", "-req", "-in", "tsa.csr", *issuer, "-extfile", "extensions", "-out", "tsa.crt"
        )
        (self.folder / "serial").write_text("01")
        chain = "certs = root.pem" if self.with_root else ""
        settings = _SETTINGS.format(hash=self.hash, digests=self.digests, chain=chain)
        (self.folder / "settings").write_text(settings)

    @property
    def root(self) -> Path:
        """The file of the root certificate, for `--tsa-cert`."""
        return self.folder / "root.pem"

    def answer(self, query: bytes) -> bytes:
        """Answer a question; a refusal is an answer, too."""
        (self.folder / "query").write_bytes(query)
        names = ("-config", "settings", "-queryfile", "query", "-out", "reply")
        self._openssl("ts", "-reply", *names)
        return (self.folder / "reply").read_bytes()

    def stamp(self, data: bytes) -> bytes:
        """Return a response about these bytes."""
        (self.folder / "data").write_bytes(data)
        options = ("-data", "data", "-sha512", "-cert", "-out", "made")
        self._openssl("ts", "-query", *options)
        return self.answer((self.folder / "made").read_bytes())

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(
            ["openssl", *arguments], cwd=self.folder, check=True, capture_output=True, timeout=60
        )


@dataclass
class Tsa:
    """An authority that is asked over http. `answer` makes the reply; tests put others there."""

    authority: Authority
    url: str
    answer: Callable[[bytes], bytes]
    status: int = 200
    asked: list[bytes] = field(default_factory=list)
    types: list[str | None] = field(default_factory=list)

    @property
    def root(self) -> Path:
        return self.authority.root


@contextmanager
def serve(authority: Authority) -> Iterator[Tsa]:
    """Serve an authority on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            one.asked.append(query)
            one.types.append(self.headers["Content-Type"])
            reply = one.answer(query)
            with suppress(OSError):  # who asked may have gone
                self.send_response(one.status)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    one = Tsa(authority, f"http://127.0.0.1:{server.server_port}/tsr", authority.answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield one
    finally:
        server.shutdown()
        server.server_close()
