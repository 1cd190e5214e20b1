"""The library: its page's examples run, its names are documented, and it never prints."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

import repro_sign
from repro_sign import (
    Engine,
    KeyRequest,
    MalformedError,
    RefusedError,
    ReproSignError,
    SignRequest,
    Store,
    TrustPolicy,
    UnreadableError,
    VerifyRequest,
    find_locations,
    generate_key,
    inspect_image,
    parse_signer,
    pick_key,
    prepare,
    read_keys,
    sign_image,
    signing_keys,
    verify_image,
)
from repro_sign.public_names import HOMES
from tests.account import Account, Signer
from tests.programs import PROJECT

PAGE: Final = PROJECT / "docs" / "library.md"
PREDEFINED: Final = """\
from pathlib import Path
image: Path
unsigned: Path
public_key: Path
fingerprint: str
"""
"""What the page says that its examples start from, for the type checker."""


@dataclass(frozen=True)
class Desk:
    """A programmer's working folder, in an account with an empty home: no variable leads out."""

    image: Path
    unsigned: Path
    signer: Signer

    @property
    def request(self) -> VerifyRequest:
        author = parse_signer(self.signer.fingerprint)
        return VerifyRequest(TrustPolicy(trusted={author: "the paper"}))


@pytest.fixture
def desk(
    ada: Signer, image: Path, base_image: Path, account: Account, monkeypatch: pytest.MonkeyPatch
) -> Desk:
    ada.sign(image)
    folder = account.home / "paper"
    shutil.copytree(image.parent, folder)
    shutil.copy(base_image, folder / "new.sif")
    (folder / "public").mkdir()
    for name in set(os.environ) - {"PATH"}:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(account.home))
    monkeypatch.chdir(folder)
    return Desk(folder / image.name, folder / "new.sif", ada)


@pytest.fixture
def silent(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    yield
    assert capfd.readouterr() == ("", "")


def examples() -> Iterator[tuple[int, str]]:
    """Yield each fenced block of Python on the page, with the number of its first line."""
    text = PAGE.read_text(encoding="utf-8")
    for found in re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield text.count("\n", 0, found.start(1)), found[1]


@pytest.mark.usefixtures("silent")
def test_the_examples_on_the_page_are_true(desk: Desk) -> None:
    names: dict[str, Any] = {
        "image": desk.image,
        "unsigned": desk.unsigned,
        "public_key": desk.signer.public_key,
        "fingerprint": desk.signer.fingerprint,
    }
    for line, code in examples():
        exec(compile("\n" * line + code, PAGE, "exec"), names)


def test_the_examples_on_the_page_have_the_right_types(tmp_path: Path) -> None:
    program = tmp_path / "examples.py"
    program.write_text(PREDEFINED + "".join(code for _, code in examples()), encoding="utf-8")
    cache = PROJECT / ".mypy_cache" / "examples"
    argv = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(cache), str(program)]
    done = subprocess.run(argv, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", repro_sign.__all__)
def test_a_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(repro_sign, name)
    assert name in dir(repro_sign)
    assert re.search(rf"`{name}\b", PAGE.read_text(encoding="utf-8"))
    if isinstance(value, type) or callable(value):
        assert value.__doc__
        assert not value.__doc__.startswith(f"{name}("), "made by dataclass, says nothing"


def test_the_type_of_signers_is_described_where_it_is_made() -> None:
    body = ast.parse((PROJECT / "repro_sign" / "fingerprint.py").read_text()).body
    made = next(at for at, one in enumerate(body) if ast.unparse(one).startswith("SignerId ="))
    after = body[made + 1]
    assert isinstance(after, ast.Expr)
    assert isinstance(after.value, ast.Constant)


def test_type_checkers_see_the_names_that_programs_get() -> None:
    tree = ast.parse((PROJECT / "repro_sign" / "__init__.py").read_text(encoding="utf-8"))
    (block,) = [one for one in tree.body if isinstance(one, ast.If)]
    seen = {
        (alias.name, one.module)
        for one in block.body
        if isinstance(one, ast.ImportFrom)
        for alias in one.names
    }
    gotten = {(name, f"repro_sign.{home}") for name, home in HOMES.items()}
    assert seen == gotten
    assert {name for name, _ in seen} == set(repro_sign.__all__) - {"__version__"}


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'verify'"):
        repro_sign.verify  # noqa: B018 - the look is the test


def test_importing_it_imports_nothing_but_what_python_has_anyway(account: Account) -> None:
    code = "import sys; before = set(sys.modules); import importlib, typing, repro_sign;"
    code += "print(*sorted(set(sys.modules) - before))"
    done = account.program(sys.executable, "-c", code)
    ours = {name for name in done.out.split() if name.startswith("repro_sign")}
    assert ours == {"repro_sign"}
    foreign = {name.partition(".")[0] for name in done.out.split()} - sys.stdlib_module_names
    assert foreign == {"repro_sign"}


@pytest.mark.usefixtures("silent")
@pytest.mark.parametrize("engine", [Engine.AUTO, Engine.NATIVE, Engine.BOTH])
def test_verifying_prints_nothing_whatever_it_finds(desk: Desk, engine: Engine) -> None:
    changed, junk = desk.image.with_name("changed.sif"), desk.image.with_name("junk.sif")
    data = bytearray(desk.image.read_bytes())
    data[600_000] ^= 1
    changed.write_bytes(data)
    junk.write_bytes(b"junk")
    request = VerifyRequest(desk.request.policy, engine=engine)
    images = (desk.image, desk.unsigned, changed, junk, desk.image.with_name("none.sif"))
    found = [verify_image(one, request).verdict.word.value for one in images]
    assert found == ["verified", "unsigned", "failed", "failed", "unknown"]


@pytest.mark.usefixtures("silent")
def test_inspecting_prints_nothing_whatever_it_finds(desk: Desk) -> None:
    where = find_locations()
    assert inspect_image(desk.image, where).signatures
    (desk.image.parent / "junk.sif").write_bytes(b"junk")
    with pytest.raises(MalformedError):
        inspect_image(desk.image.parent / "junk.sif", where)
    with pytest.raises(UnreadableError):
        inspect_image(desk.image.parent / "none.sif", where)


@pytest.mark.usefixtures("silent")
@pytest.mark.parametrize("store", list(Store))
def test_making_a_key_and_signing_with_it_prints_nothing(desk: Desk, store: Store) -> None:
    where = find_locations()
    wish = KeyRequest("Grace", "g@lab.example", store=store, passphrase="a long one")
    made = generate_key(wish, where, datetime.now(UTC))
    key = pick_key(signing_keys(where), None, datetime.now(UTC))  # no older than the key
    sealer = prepare(key, where, "a long one")
    assert sign_image(desk.unsigned, sealer, SignRequest()).added == (4,)
    assert sign_image(desk.unsigned, sealer, SignRequest(again=True)).added == (5,)
    request = VerifyRequest(TrustPolicy(trusted={made.fingerprint: "just made"}))
    verify_image(desk.unsigned, request).require()
    for path in (desk.image.with_name("none.sif"), where.trust_file):
        with suppress(ReproSignError):
            sign_image(path, sealer, SignRequest())
            pytest.fail(f"{path} was signed")


def test_what_progress_raises_ends_the_work_and_leaves_no_change(desk: Desk) -> None:
    class CancelledError(Exception):
        pass

    def cancel(done: int, size: int) -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        verify_image(desk.image, VerifyRequest(desk.request.policy, progress=cancel))
    before = desk.unsigned.read_bytes()
    made = generate_key(
        KeyRequest("", "", store=Store.PEM), where := find_locations(), now := datetime.now(UTC)
    )
    sealer = prepare(pick_key(signing_keys(where), str(made.fingerprint), now), where, None)
    with pytest.raises(CancelledError):
        sign_image(desk.unsigned, sealer, SignRequest(progress=cancel))
    assert desk.unsigned.read_bytes() == before


def test_threads_do_not_disturb_each_other(desk: Desk) -> None:
    changed = desk.image.with_name("changed.sif")
    data = bytearray(desk.image.read_bytes())
    data[600_000] ^= 1
    changed.write_bytes(data)
    right = {desk.image: "verified", desk.unsigned: "unsigned", changed: "failed"}
    asked = [*right] * 6
    with ThreadPoolExecutor(max_workers=6) as pool:
        reports = list(pool.map(lambda path: verify_image(path, desk.request), asked))
    assert [one.verdict.word.value for one in reports] == [right[path] for path in asked]


def test_a_file_with_a_secret_key_is_refused(ada: Signer) -> None:
    ring = ada.account.home / ".apptainer" / "keys" / "pgp-secret"
    for secret in (ring.read_bytes(), b"-----BEGIN PRIVATE KEY-----\n"):
        with pytest.raises(RefusedError, match="SECRET"):
            read_keys(secret, "a file")
