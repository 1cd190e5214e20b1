"""Real git repositories, as an author keeps them, and real git serving them over http."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from tests.servers import small_server

_WHO = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@uni.example",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@uni.example",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


@dataclass(frozen=True)
class Checkout:
    """A repository and its working tree."""

    top: Path

    @classmethod
    def new(cls, top: Path, *options: str) -> "Checkout":
        """Make one with two commits; the annotated tag `v1.0` points at the second."""
        top.mkdir()
        one = cls(top)
        one.git("init", "--quiet", "--initial-branch", "main", *options)
        one.commit("run.py", "print(1)\n")
        one.commit("run.py", "print(2)\n")
        one.git("tag", "--annotate", "--message", "as published", "v1.0")
        return one

    def git(self, *arguments: str, given: str | None = None) -> str:
        """Run git in it, with a text as its input; return what it prints."""
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.top,
            env={**os.environ, **_WHO},
            input=given,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def commit(self, name: str, text: str) -> None:
        """Commit a file."""
        (self.top / name).write_text(text, encoding="utf-8")
        self.git("add", name)
        self.git("commit", "--quiet", "--message", f"change {name}")

    @property
    def head(self) -> str:
        """The commit that is checked out."""
        return self.git("rev-parse", "HEAD")

    def clone(self, top: Path, *options: str) -> "Checkout":
        """Clone it."""
        self.git("clone", "--quiet", *options, f"file://{self.top}", str(top))
        return Checkout(top)

    def source(self, url: str = "https://git.example/ada/climate.git") -> dict[str, Any]:
        """Return what a manifest says of it as it is now."""
        return {
            "url": url,
            "commit": self.head,
            "tag": {"name": "v1.0", "annotated": True, "signed": False},
            "clean": True,
            "swhid": {"directory": f"swh:1:dir:{self.git('rev-parse', 'HEAD^{tree}')}"},
        }


@contextmanager
def served(top: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve a repository by git's own http-backend; give its address, and what is asked."""
    asked: list[str] = []
    folder = subprocess.run(
        ["git", "--exec-path"], check=True, capture_output=True, text=True
    ).stdout.strip()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked.append(f"{handler.command} {handler.path}")
        path, _, query = handler.path.partition("?")
        done = subprocess.run(
            [f"{folder}/git-http-backend"],
            env={
                **os.environ,
                **_WHO,
                "GIT_PROJECT_ROOT": str(top.parent),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": handler.command,
                "REMOTE_ADDR": "127.0.0.1",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
        )
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        handler.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in fields.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    with small_server(answer) as server:
        yield f"{server.url}/{top.name}", asked
