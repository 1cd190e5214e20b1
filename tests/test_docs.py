"""What the documentation shows is what the program does.

Blocks fenced as ```console are run in order, command by command, in scratch accounts with the
real programs, and what they print is compared with what the page shows. `scripts/update-docs`
writes what they print now into the pages. What a page says to the runner stands in comments:

    <!-- session: reviewer gets climate.sif notes.txt -->   from here on another account, which
                                                            is handed these files
    <!-- file: identity.py -->                              the next fenced block is this file

A line `...` in shown output stands for any number of lines.

The test vectors in docs/vectors are held against the page's own program, against gpg and cosign,
and against the library.
"""

import base64
import difflib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import pytest

from repro_sign import (
    Engine,
    Locations,
    MalformedError,
    ManifestEvidence,
    Match,
    TrustPolicy,
    VerifyRequest,
    inspect_image,
    read_keys,
    verify_image,
)
from repro_sign.cli.main import group
from repro_sign.finding import Finding
from repro_sign.manifest import from_bytes
from tests.account import Account, Signer
from tests.conftest import Need
from tests.corpus.cases import CASES
from tests.corpus.recording import recorded
from tests.programs import PROJECT

UPDATE = bool(os.environ.get("UPDATE_DOCS"))
"""Write what the programs print into the pages instead of comparing."""
PAGES = ("README.md", "docs/commands.md")
EXACT_PAGES = ("docs/format.md",)
"""Pages whose every digit has to be right: a worked example, no signature made anew."""
AUTHORS = ("ada", "site")
"""Accounts that have an unsigned image and a passphrase in a file; the first begins."""
VECTORS = PROJECT / "docs" / "vectors"
NOWHERE = Locations(*[Path("/nonexistent")] * 3)

_MARK = re.compile(r"<!-- (session|file): (\S+)(?: gets (.*))? -->")
_CHANGING = re.compile(
    r"(?P<GROUPED>\b[0-9A-F]{4}(?: {1,2}[0-9A-F]{4}){9}\b)"
    r"|(?P<FINGERPRINT>\b[0-9A-F]{40}\b)"
    r"|(?P<KEYID>\b[0-9A-F]{16}\b)"
    r"|(?P<PEM>\bSHA256:[A-Za-z0-9+/]{43}(?![A-Za-z0-9+/]))"
    r"|(?P<DIGEST>\b[0-9a-f]{64}\b)"
    r"|(?P<UUID>\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b)"
    r"|(?P<MOMENT>\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d)?(?: UTC|Z))"
    r"|(?P<GPGDATE>\b[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4} UTC)"
    r"|(?P<DAY>\b\d{4}-\d\d-\d\d\b)"
    r"|(?P<SIZE>\b\d+ bytes\b)"
)
"""What differs from run to run, by kind."""
_NAME = re.compile(
    r"\b[0-9A-F]{4}(?: {1,2}[0-9A-F]{4}){9}\b|\b(?:[0-9A-F]{40}|[0-9A-F]{16})\b|\b[0-9a-f]{64}\b"
    r"|\bSHA256:[A-Za-z0-9+/]{43}(?![A-Za-z0-9+/])"
)


@dataclass
class Command:
    """A command on a page: what is typed, and the lines that are shown below it."""

    typed: str
    start: int
    end: int


@dataclass
class Session:
    """Somebody's account and working folder."""

    account: Account
    folder: Path
    status: int = 0

    def run(self, typed: str) -> str:
        """Run what is typed as a shell does; return all that it prints."""
        environment = {
            **self.account.environment,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "COLUMNS": "100",
            "TZ": "UTC",
        }
        done = subprocess.run(
            ["bash", "-c", f"(exit {self.status})\n{typed}"],
            env=environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        self.status = done.returncode
        return done.stdout


@dataclass
class Runner:
    """Runs a page's commands, and knows which shown name stands for which one of this run."""

    stack: ExitStack
    image: Path
    exact: bool
    sessions: dict[str, Session] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def session(self, name: str) -> Session:
        """Return somebody's session; the first time, with an account made for it."""
        if name not in self.sessions:
            account = self.stack.enter_context(Account.new())
            folder = account.home / "paper"
            folder.mkdir()
            if name in AUTHORS:
                shutil.copy(self.image, folder / "climate.sif")
                passphrase = account.home / "passphrase"
                passphrase.write_text("correct horse battery staple\n", encoding="utf-8")
                passphrase.chmod(0o600)
                account = account.with_variables(REPRO_SIGN_PASSPHRASE_FILE=str(passphrase))
            self.sessions[name] = Session(account, folder)
        return self.sessions[name]

    def actual(self, typed: str) -> str:
        """Return what is typed with the names of this run."""
        return _rename(typed, self.names)

    def shown(self, text: str) -> str:
        """Return a text of this run with the names that the page shows."""
        for name, session in self.sessions.items():
            text = text.replace(str(session.account.home), f"/home/{name}")
        return _rename(text, {actual: shown for shown, actual in self.names.items()})

    def matches(self, shown: str, printed: str) -> bool:
        """Whether a command prints what is shown, what differs from run to run left aside."""
        if self.exact:
            return shown == printed
        pattern = re.escape(_leave_aside(shown)).replace(re.escape("...\n"), "(?:.*\n)*")
        return re.fullmatch(pattern, _leave_aside(printed)) is not None

    def learn(self, shown: str, printed: str) -> None:
        """Note which shown names stand for which of this run, where they pair off."""
        for kind in ("GROUPED", "FINGERPRINT", "PEM", "DIGEST"):
            here, there = _distinct(shown, kind), _distinct(printed, kind)
            if len(here) != len(there):
                continue
            for one, other in zip(here, there, strict=True):
                plain, plain_other = one.replace(" ", ""), other.replace(" ", "")
                self.names.setdefault(plain, plain_other)
                if kind in ("GROUPED", "FINGERPRINT"):
                    self.names.setdefault(plain[-16:], plain_other[-16:])


def _rename(text: str, names: dict[str, str]) -> str:
    """Replace names by others of the same length; blanks between their digits stay."""

    def other(found: re.Match[str]) -> str:
        new = iter(names.get(found[0].replace(" ", ""), found[0].replace(" ", "")))
        return "".join(one if one == " " else next(new) for one in found[0])

    return re.sub(_NAME, other, text)


def _leave_aside(text: str) -> str:
    return _CHANGING.sub(lambda found: f"<{found.lastgroup}>", text)


def _distinct(text: str, kind: str) -> list[str]:
    found = (one[0] for one in _CHANGING.finditer(text) if one.lastgroup == kind)
    return list(dict.fromkeys(found))


def _run_page(page: Path, runner: Runner) -> list[str]:
    """Run a page's commands; return its lines as they should be."""
    lines = page.read_text(encoding="utf-8").splitlines()
    session = runner.session(AUTHORS[0])
    result: list[str] = []
    position = 0
    while position < len(lines):
        mark = _MARK.fullmatch(lines[position])
        if mark and mark[1] == "session":
            before, session = session, runner.session(mark[2])
            for name in runner.actual(mark[3] or "").split():
                shutil.copy(before.folder / name, session.folder / name)
        elif mark:
            start = lines.index("", position) + 2
            end = next(at for at in range(start, len(lines)) if lines[at].startswith("```"))
            text = "\n".join(lines[start:end]) + "\n"
            (session.folder / mark[2]).write_text(runner.actual(text), encoding="utf-8")
        if lines[position] == "```console":
            end = lines.index("```", position)
            result.append(lines[position])
            for command in _commands(lines, position + 1, end):
                result += _run_command(command, lines, session, runner)
            position = end
        result.append(lines[position])
        position += 1
    return result


def _commands(lines: list[str], start: int, end: int) -> Iterator[Command]:
    starts = [at for at in range(start, end) if lines[at].startswith("$ ")]
    for at, until in zip(starts, [*starts[1:], end], strict=True):
        yield Command(lines[at][2:], at, until)


def _run_command(
    command: Command, lines: list[str], session: Session, runner: Runner
) -> Iterator[str]:
    shown = "".join(f"{line}\n" for line in lines[command.start + 1 : command.end])
    printed = session.run(runner.actual(command.typed))
    if printed and not printed.endswith("\n"):
        printed += "\n"
    for name, one in runner.sessions.items():
        printed = printed.replace(str(one.account.home), f"/home/{name}")
    if not runner.exact:
        runner.learn(shown, printed)
    yield lines[command.start]
    if runner.matches(shown, printed):
        yield from shown.splitlines()
    elif runner.exact:
        yield from printed.splitlines()
    else:
        yield from _changed_lines(shown.splitlines(), runner.shown(printed).splitlines())


def _changed_lines(shown: list[str], printed: list[str]) -> Iterator[str]:
    """Take from `printed` only the lines that differ by more than what changes from run to run."""
    here, there = [[_leave_aside(line) for line in lines] for lines in (shown, printed)]
    matcher = difflib.SequenceMatcher(None, here, there, autojunk=False)
    for kind, start, end, other_start, other_end in matcher.get_opcodes():
        yield from shown[start:end] if kind == "equal" else printed[other_start:other_end]


@pytest.mark.parametrize("name", [*PAGES, *EXACT_PAGES])
def test_a_page_shows_what_the_programs_print(name: str, need: Need, base_image: Path) -> None:
    need("apptainer", "gpg", "cosign", "bash")
    page = PROJECT / name
    with ExitStack() as stack:
        lines = _run_page(page, Runner(stack, base_image, exact=name in EXACT_PAGES))
    _compare_or_update(page, "\n".join(lines) + "\n")


def _compare_or_update(page: Path, after: str) -> None:
    before = page.read_text(encoding="utf-8")
    if UPDATE:
        page.write_text(after, encoding="utf-8")
        return
    names = (f"{page.name} (shown)", f"{page.name} (as it should be)")
    difference = difflib.unified_diff(before.splitlines(), after.splitlines(), *names, n=2)
    assert before == after, "scripts/update-docs mends this:\n" + "\n".join(difference)


def test_the_truth_table_is_shown() -> None:
    rows = tomllib.loads((PROJECT / "tests" / "truth_table.toml").read_text(encoding="utf-8"))
    shown = ("case", "inside", "beside")
    table = "".join(
        f"| {' | '.join(row[name] for name in shown)} | {row['verdict']} | `{row['reason']}` |\n"
        for row in rows["row"]
    )
    page = PROJECT / "docs" / "verdicts.md"
    text = page.read_text(encoding="utf-8")
    start = text.index("<!-- truth table -->")
    start = text.index("|---|", start)
    start = text.index("\n", start) + 1
    end = text.index("<!-- end of truth table -->")
    _compare_or_update(page, text[:start] + table + text[end:])


def test_every_command_has_its_help_shown() -> None:
    text = (PROJECT / "docs" / "commands.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"^\$ (.*) --help$", text, re.MULTILINE))
    assert not set(_command_names(group, "repro-sign")) - shown


def _command_names(command: click.Command, name: str) -> Iterator[str]:
    yield name
    if isinstance(command, click.Group):
        context = click.Context(command)
        for sub in command.list_commands(context):
            found = command.get_command(context, sub)
            assert found is not None
            yield from _command_names(found, f"{name} {sub}")


def test_the_differences_from_apptainer_are_those_of_the_corpus() -> None:
    text = (PROJECT / "docs" / "apptainer-verify.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\| `(.+)` \| (accepted|refused|crash) \| `(\w+)` \|$", text, re.MULTILINE)
    cases = {one.name: one for one in CASES}
    answers = recorded("1.4.5")
    assert shown == [(name, answers[name], cases[name].verdict) for name, *_ in shown]
    sections = re.split(
        r"^### \d+\. ", text.partition("## The second opinion")[0], flags=re.MULTILINE
    )
    assert all("| `" in one for one in sections[1:-1]), "each difference has an example"
    rules = text.partition("### How the answer is predicted")[2]
    named = set(re.findall(r"`([^`]+)`", rules.replace("\n", " "))) - _reason_codes()
    assert len(named) > 9
    assert named <= set(cases)


def test_every_reason_code_is_explained() -> None:
    explained = _in_code_style("docs/verdicts.md")
    assert not sorted(_reason_codes() - explained)


def test_no_code_is_explained_that_there_is_not() -> None:
    text = (PROJECT / "docs" / "verdicts.md").read_text(encoding="utf-8")
    reasons = text.partition("## Reasons")[2].partition("## The whole table")[0]
    first_columns = re.findall(r"^\| (`[^|]+) \|", reasons, re.MULTILINE)
    assert not set(re.findall(r"`([a-z-]+)`", "".join(first_columns))) - _reason_codes()


def _reason_codes() -> set[str]:
    """All codes: findings, findings of manifests, and those that stand in the source."""
    codes = {one.value for one in Finding}
    manifest = {Finding.MALFORMED, Finding.BAD_METADATA, *(one for one in Finding if one.spoils)}
    codes |= {f"manifest-{one.value}" for one in manifest}
    for source in (PROJECT / "repro_sign").rglob("*.py"):
        text = source.read_text(encoding="utf-8")
        codes |= set(re.findall(r'\b(?:Reason|Problem)\(\s*"([a-z-]+)"', text))
        codes |= set(re.findall(r'\bcode(?:: str)? ?= ?"([a-z-]+)"', text))
    return codes


def test_every_json_member_is_explained(
    grace: Signer, mallory: Signer, image: Path, account: Account
) -> None:
    note = image.with_name("notes.txt")
    note.write_text("a companion\n", encoding="utf-8")
    owner = grace.account
    trusting = ("--signer", grace.fingerprint)
    results = [
        grace.sign(image, "--with", note),
        mallory.sign(image),
        account.verify(image),
        account.verify(image, *trusting),
        account.verify(image, "--expect", f"sha256:{'0' * 64}"),
        account.verify(note, image.with_name("none.sif")),
        owner.run("inspect", image, "--json"),
        owner.run("key", "list", "--json"),
        owner.run("key", "show", grace.fingerprint, "--json"),
        owner.run("trust", "list", "--json"),
        owner.run("doctor", "--json"),
        account.run("trust", "add", grace.public_key, "--yes", "--json"),
        account.run("key", "import", grace.public_key, "--json"),
        account.run("keygen", "--store", "pem", "--no-passphrase", "--json"),
        account.run(
            *("keygen", "--name", "Ada Author", "--email", "ada@uni.example"),
            *("--store", "gnupg", "--no-passphrase", "--json"),
        ),
    ]
    explained = _in_code_style("docs/json.md")
    members = set(_members([one.json for one in results]))
    assert not sorted(members - explained)


def _members(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield name
            yield from _members(member)
    elif isinstance(value, list):
        for member in value:
            yield from _members(member)


def _in_code_style(name: str) -> set[str]:
    """Return all that a page writes between back-ticks."""
    text = (PROJECT / name).read_text(encoding="utf-8")
    return set(re.findall(r"`([^`\n]+)`", text))


def _pages() -> list[Path]:
    folders = (PROJECT / "docs", PROJECT / "keys")
    return [*PROJECT.glob("*.md"), *(page for one in folders for page in one.rglob("*.md"))]


def test_every_relative_link_leads_somewhere() -> None:
    broken = []
    for page in _pages():
        text = page.read_text(encoding="utf-8")
        for target, anchor in re.findall(r"\]\(([^)#\s]*)(#[^)\s]*)?\)", text):
            if re.match(r"[a-z]+:", target):
                continue
            file = (page.parent / target) if target else page
            if not file.exists() or (anchor and anchor[1:] not in _anchors(file)):
                broken.append(f"{page.relative_to(PROJECT)}: {target}{anchor}")
    assert not broken


def _anchors(page: Path) -> set[str]:
    """Return the names of a page's headings, as forges make them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


def test_every_test_that_a_page_names_exists() -> None:
    named = [
        (page.parent / file, test)
        for page in _pages()
        for test, file in re.findall(
            r"\[`(test_\w+)`\]\(([^)]+)\)", page.read_text(encoding="utf-8")
        )
    ]
    assert len(named) > 30
    missing = [
        test for file, test in named if f"def {test}(" not in file.read_text(encoding="utf-8")
    ]
    assert not missing


def test_the_layers_are_those_that_are_held() -> None:
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    held = [{name.strip().removeprefix("repro_sign.") for name in one.split("|")} for one in layers]
    text = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = text.partition("| Layer |")[2].partition("\n\n")[0].splitlines()[2:]
    assert [set(re.findall(r"`(\w+)`", row.split("|")[1])) for row in table] == held


def test_the_json_examples_are_json() -> None:
    for page in _pages():
        text = page.read_text(encoding="utf-8")
        for example in re.findall(r"^```json\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            json.loads(example)


def _vectors(name: str) -> Any:
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))


def _changes(name: str) -> pytest.MarkDecorator:
    changes = [{"name": "nothing changed"}, *_vectors(name)["changes"]]
    return pytest.mark.parametrize("change", changes, ids=[one["name"] for one in changes])


def _vector_image(folder: Path, which: str = "unsigned") -> Path:
    path = folder / "vector.sif"
    path.write_bytes(base64.b64decode("".join(_vectors("image")[which]["base64"])))
    return path


def _changed(lines: list[str], change: dict[str, Any]) -> bytes:
    text = "\n".join(lines)
    for old, new in change.get("replace", []):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return f"{text}{change.get('append', '')}".encode()


def _fenced(name: str) -> str:
    """Return the block of docs/format.md that is this file."""
    text = (PROJECT / "docs" / "format.md").read_text(encoding="utf-8")
    found = re.search(
        rf"<!-- file: {name} -->\n\n```\w+\n(.*?)^```", text, re.DOTALL | re.MULTILINE
    )
    assert found
    return found[1]


def _by_the_page(path: Path) -> list[str]:
    """Return what the page's own program prints about an image: a title, documents, identity."""
    program = path.with_name("identity.py")
    program.write_text(_fenced("identity.py"), encoding="utf-8")
    argv = [sys.executable, str(program), str(path)]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


def test_the_vector_image_is_the_one_on_the_page(tmp_path: Path) -> None:
    (tmp_path / "vector.hex").write_text(_fenced("vector.hex"), encoding="utf-8")
    (tmp_path / "unhex.py").write_text(_fenced("unhex.py"), encoding="utf-8")
    subprocess.run([sys.executable, "unhex.py"], cwd=tmp_path, check=True)
    made = (tmp_path / "vector.sif").read_bytes()
    assert made == _vector_image(tmp_path).read_bytes()


@pytest.mark.parametrize("which", ["unsigned", "signed"])
def test_documents_and_identity_of_the_vector_image(which: str, tmp_path: Path) -> None:
    vectors, path = _vectors("image"), _vector_image(tmp_path, which)
    documents = [one["document"] for one in vectors["documents"]]
    assert _by_the_page(path) == ["repro-sign image identity v1", *documents, vectors["identity"]]
    said, seen = vectors[which], inspect_image(path, NOWHERE)
    assert [seen.record.size, *(one.hex for one in seen.digests)] == [
        *(said["size"], said["sha256"], said["blake3"])
    ]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == said["sha256"]
    record = said["image"]
    assert (str(seen.record.identity), seen.record.uuid, seen.record.arch) == (
        *(record["identity"], record["uuid"], record["arch"]),
    )
    assert [
        (one.id, one.group, one.type, one.name, one.size, one.sha256.hex)
        for one in seen.record.objects
    ] == [
        tuple(one[name] for name in ("id", "group", "type", "name", "size", "sha256"))
        for one in record["objects"]
    ]


@_changes("image")
def test_a_changed_vector_image(change: dict[str, Any], tmp_path: Path) -> None:
    path = _vector_image(tmp_path)
    data, new = path.read_bytes()[: change.get("cut")], bytes.fromhex(change.get("bytes", ""))
    at = change.get("at", 0)
    path.write_bytes(data[:at] + new + data[at + len(new) :])
    if "error" in change:
        with pytest.raises(MalformedError) as caught:
            inspect_image(path, NOWHERE)
        assert caught.value.code == change["error"]
    else:
        identity = change.get("identity", _vectors("image")["identity"])
        assert str(inspect_image(path, NOWHERE).record.identity) == identity
        assert _by_the_page(path)[-1] == identity


@_changes("statement")
def test_a_vector_of_the_signed_document(change: dict[str, Any]) -> None:
    text = _changed(_vectors("statement")["text"], change)
    if change.get("accepted", True):
        assert from_bytes(text).subjects[0].name == "vector.sif"
    else:
        with pytest.raises(MalformedError):
            from_bytes(text)


def _examined(vectors: Any, suffix: str, data: bytes, folder: Path) -> ManifestEvidence:
    """Put a manifest beside the signed vector image; return what is found out about it."""
    image = _vector_image(folder, "signed")
    image.with_name(image.name + suffix).write_bytes(data)
    keys = read_keys("\n".join(vectors["public_key"]).encode(), "the vector's key")
    assert [str(one) for one in keys.signers] == [vectors["fingerprint"]]
    policy = TrustPolicy(trusted=dict.fromkeys(keys.signers, "vector"))
    request = VerifyRequest(policy, given=keys, engine=Engine.NATIVE, where=NOWHERE)
    (found,) = verify_image(image, request).evidence.manifests
    return found


@_changes("openpgp")
def test_a_vector_of_a_clear_signed_manifest(change: dict[str, Any], tmp_path: Path) -> None:
    vectors = _vectors("openpgp")
    data = _changed(vectors["file"], change)
    found = _examined(vectors, ".manifest.asc", data, tmp_path)
    assert found.finding == change.get("finding", "good")
    assert (found.match is Match.EXACT) is (found.finding is Finding.GOOD)


@_changes("sigstore")
def test_a_vector_of_a_manifest_of_a_pem_key(change: dict[str, Any], tmp_path: Path) -> None:
    vectors = _vectors("sigstore")
    data = _changed(vectors["file"], change)
    found = _examined(vectors, ".sigstore.json", data, tmp_path)
    assert found.finding == change.get("finding", "good")
    assert (found.match is Match.EXACT) is (found.finding is Finding.GOOD)


def test_what_is_signed_in_the_vectors_is_what_the_page_says() -> None:
    clear, bundle = _vectors("openpgp"), _vectors("sigstore")
    lines = clear["file"]
    text = lines[lines.index("") + 1 : lines.index("-----BEGIN PGP SIGNATURE-----")]
    assert hashlib.sha256("\r\n".join(text).encode()).hexdigest() == clear["signed_sha256"]
    envelope = json.loads("\n".join(bundle["file"]))["dsseEnvelope"]
    payload, kind = base64.b64decode(envelope["payload"]), envelope["payloadType"]
    assert payload.decode() == "\n".join(_vectors("statement")["text"])
    encoded = f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload
    assert hashlib.sha256(encoded).hexdigest() == bundle["signed_sha256"]


def test_gpg_and_cosign_say_the_same_of_the_vectors(
    need: Need, account: Account, tmp_path: Path
) -> None:
    need("gpg", "cosign")
    clear, bundle = _vectors("openpgp"), _vectors("sigstore")
    image = _vector_image(tmp_path, "signed")
    (tmp_path / "key.asc").write_text("\n".join(clear["public_key"]))
    (tmp_path / "key.pub").write_text("\n".join(bundle["public_key"]))
    account.program("gpg", "--batch", "--quiet", "--import", tmp_path / "key.asc")
    cosign = ("cosign", "verify-blob-attestation", "--key", tmp_path / "key.pub", image)
    options = ("--type", "urn:repro-sign:manifest:v1", "--insecure-ignore-tlog")
    for vectors, changes in ((clear, ("a digit changed",)), (bundle, ("a changed payload",))):
        bad = [one for one in vectors["changes"] if one["name"] in changes]
        for change in ({}, *bad):
            file = tmp_path / "manifest"
            file.write_bytes(_changed(vectors["file"], change))
            argv: tuple[str | Path, ...] = ("gpg", "--batch", "--verify", file)
            if vectors is bundle:
                argv = (*cosign, *options, "--bundle", file)
            assert (account.program(*argv, check=False).status == 0) is not bool(change)
