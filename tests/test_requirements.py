"""What developing installs: one version of each, by its digest, and asked about."""

import json
import re
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.programs import PROJECT

LOCKED = PROJECT / "requirements"
_ENTRY = re.compile(
    r"^(?P<name>[\w.-]+)(\[[\w,-]+\])?==(?P<version>[^\s;]+)(?P<marker> ;[^\\]*)?"
    r"(?P<digests>( \\\n    --hash=sha256:[0-9a-f]{64})+)\n",
    re.MULTILINE,
)


def locked(name: str) -> dict[str, str]:
    """Return the versions in a file of requirements/, all of whose lines have to be understood."""
    text = (LOCKED / name).read_text()
    rest = _ENTRY.sub("", text)
    assert [line for line in rest.splitlines() if not line.startswith("#")] == []
    return {canonicalize_name(one["name"]): one["version"] for one in _ENTRY.finditer(text)}


@pytest.mark.parametrize("extra", ["dev", "bench", "fuzz"])
def test_every_requirement_has_one_version_within_its_bounds_and_digests(extra: str) -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    asked = [*project["project"]["dependencies"], *extras[extra]]
    if extra == "dev":
        asked += [one for other in ("compression", "lint", "timestamp") for one in extras[other]]
        asked += project["build-system"]["requires"]
    versions = locked(f"{extra}.txt")
    for requirement in map(Requirement, asked):
        name = canonicalize_name(requirement.name)
        if name != "repro-sign":
            assert requirement.specifier.contains(versions[name]), (
                f"scripts/lock-requirements: {name}"
            )


def test_what_shares_an_environment_has_the_same_versions() -> None:
    versions = locked("dev.txt")
    for extra in ("bench", "fuzz"):
        for name, version in locked(f"{extra}.txt").items():
            assert versions.get(name, version) == version


def test_programs_of_their_own_are_locked_as_well() -> None:
    for path in LOCKED.glob("*.in"):
        versions = locked(f"{path.stem}.txt")
        for line in path.read_text().splitlines():
            text = line.split("#")[0].strip()
            if text:
                requirement = Requirement(text)
                assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)])


@pytest.fixture
def advisories() -> Iterator[tuple[str, dict[str, Any]]]:
    """Serve what a test says of packages, in the form of the OSV service."""
    said: dict[str, Any] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = json.dumps(said.get(asked["package"]["name"], {})).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/query", said
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def ask(folder: Path, url: str, *options: str) -> tuple[int, str]:
    """Run the project's script over a folder with one locked version."""
    (folder / "scripts").mkdir()
    script = shutil.copy(PROJECT / "scripts" / "advisories.py", folder / "scripts")
    (folder / "requirements").mkdir()
    entry = next(one[0] for one in _ENTRY.finditer((LOCKED / "dev.txt").read_text()))
    (folder / "requirements" / "dev.txt").write_text(entry)
    argv = [sys.executable, script, *options, "--vulnerability-service", "osv", "--osv-url", url]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout == ""
    return done.returncode, done.stderr


def test_a_version_without_known_weakness_passes(
    tmp_path: Path, advisories: tuple[str, dict[str, Any]]
) -> None:
    assert ask(tmp_path, advisories[0], "--strict") == (0, "")


def test_a_known_weakness_is_named_and_fails(
    tmp_path: Path, advisories: tuple[str, dict[str, Any]]
) -> None:
    url, said = advisories
    name, version = next(iter(locked("dev.txt").items()))
    package = {"name": name, "ecosystem": "PyPI"}
    fixed = {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "999.1"}]}
    affected = {"package": package, "versions": [version], "ranges": [fixed]}
    said[name] = {"vulns": [{"id": "PYSEC-2099-1", "affected": [affected]}]}
    status, err = ask(tmp_path, url)
    assert status == 1
    assert f"{name} {version}: PYSEC-2099-1, mended in 999.1" in err
    assert "scripts/lock-requirements --upgrade" in err


@pytest.mark.parametrize(("option", "status"), [((), 0), (("--strict",), 3)])
def test_no_answer_is_said_and_an_error_only_where_that_is_asked_for(
    tmp_path: Path, option: tuple[str, ...], status: int
) -> None:
    answered, err = ask(tmp_path, "http://127.0.0.1:9/", *option)
    assert answered == status
    assert "no answer about all of dev.txt" in err
