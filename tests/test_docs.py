"""What the documentation shows is what the program does.

Blocks fenced as ```console are run in order, command by command, in scratch accounts with the
real programs, and what they print is compared with what the page shows. `scripts/update-docs`
writes what they print now into the pages. What a page says to the runner stands in comments:

    <!-- session: reviewer gets climate.sif notes.txt -->   from here on another account, which
                                                            is handed these files
    <!-- file: identity.py -->                              the next fenced block is this file

A line `...` in shown output stands for any number of lines.
"""

import difflib
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

from repro_sign.cli.main import group
from repro_sign.ecl.linting import RULES as ECL_RULES
from repro_sign.finding import Finding
from repro_sign.lint.rules import RULES, Rule
from repro_sign.provenance import machine
from repro_sign.report import as_text
from tests.account import Account, Result, Signer
from tests.conftest import Need
from tests.corpus.cases import CASES
from tests.corpus.recording import recorded
from tests.described import LAPTOP, PARTS, XEON, Describer
from tests.notices import rebuilt
from tests.programs import PROJECT
from tests.servers import document, small_server
from tests.tsa.authority import Authority, serve

pytest_plugins = ["tests.tsa.plugin"]

UPDATE = bool(os.environ.get("UPDATE_DOCS"))
"""Write what the programs print into the pages instead of comparing."""
PAGES = (
    "README.md",
    *(f"docs/{page.name}" for page in sorted((PROJECT / "docs").glob("commands*.md"))),
    "docs/keys.md",
    "docs/reproducibility.md",
    "docs/trust.md",
)
EXACT_PAGES = ("docs/format.md",)
"""Pages whose every digit has to be right: a worked example, no signature made anew."""
AUTHORS = ("ada", "site")
"""Accounts that have an unsigned image and a passphrase in a file; the first begins."""

SHOWN_AUTHORITY = "http://127.0.0.1:3161/tsr"
"""The time-stamping authority that pages speak of; everybody there has its `tsa-root.pem`."""

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
    r"|(?P<SIZE>\b\d+ bytes\b|\bsize = \d+\b)"
)
"""What differs from run to run, by kind."""
_OF_THE_MACHINE = re.compile(r"^  (?:same|not known) +\w.*\n(?: {15}\S.*\n)*", re.MULTILINE)
"""What `verify` says of the machine differs from one to the next."""
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
    authority: Authority
    authority_url: str = ""
    sessions: dict[str, Session] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def session(self, name: str) -> Session:
        """Return somebody's session; the first time, with an account made for it."""
        if name not in self.sessions:
            account = self.stack.enter_context(Account.new())
            folder = account.home / "paper"
            folder.mkdir()
            shutil.copy(self.authority.root, folder / "tsa-root.pem")
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
        return _rename(typed, self.names).replace(SHOWN_AUTHORITY, self.authority_url)

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
    text = _OF_THE_MACHINE.sub("", text)
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
def test_a_page_shows_what_the_programs_print(
    name: str, need: Need, base_image: Path, clock: Authority
) -> None:
    need("apptainer", "gpg", "cosign", "siftool", "bash", "openssl")
    page = PROJECT / name
    with ExitStack() as stack:
        url = stack.enter_context(serve(clock)).url
        lines = _run_page(page, Runner(stack, base_image, name in EXACT_PAGES, clock, url))
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


def test_what_an_image_was_made_from_is_shown(
    author_of_manifests: Describer, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "describe_machine", lambda _: dict(LAPTOP))
    author_of_manifests.sign(image, {**PARTS, "environment": XEON})
    lines = as_text.image(author_of_manifests.verify(image)).splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("  made from"))
    end = next(at for at, line in enumerate(lines) if line.startswith(("  blake3", "  sha256")))
    page = PROJECT / "docs" / "commands.md"
    text = page.read_text(encoding="utf-8")
    before, mark, rest = text.partition("<!-- shown by verify -->\n\n```text\n")
    after = rest[rest.index("```") :]
    block = "".join(f"{line}\n" for line in lines[start:end])
    _compare_or_update(page, f"{before}{mark}{block}{after}")


@pytest.mark.parametrize(
    ("name", "rules"), [("commands-lint.md", RULES), ("commands-ecl.md", ECL_RULES)]
)
def test_the_rules_of_lint_are_shown(name: str, rules: dict[str, Rule]) -> None:
    table = "".join(
        f"| `{one.code}` | {one.level.value} | {one.title}. {one.reason} | {_cell(one.fix)} |\n"
        for one in rules.values()
    )
    page = PROJECT / "docs" / name
    text = page.read_text(encoding="utf-8")
    start = text.index("|---|", text.index("<!-- rules -->"))
    start = text.index("\n", start) + 1
    end = text.index("<!-- end of rules -->")
    _compare_or_update(page, text[:start] + table + text[end:])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def test_every_command_has_its_help_shown() -> None:
    text = "".join((PROJECT / page).read_text(encoding="utf-8") for page in PAGES)
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
        codes |= set(re.findall(r'\b(?:Reason|Problem|Check)\(\s*"([a-z-]+)"', text))
        codes |= set(re.findall(r'\bcode(?:: str)? ?= ?"([a-z-]+)"', text))
    return codes


def test_every_json_member_is_explained(
    grace: Signer,
    mallory: Signer,
    author_of_manifests: Describer,
    image: Path,
    base_image: Path,
    account: Account,
) -> None:
    described = Path(shutil.copy(base_image, image.with_name("described.sif")))
    author_of_manifests.sign(described, {**PARTS, "environment": XEON})
    other = image.with_name("other.sif")
    Account.run_program([str(PROJECT / "scripts" / "make-image"), str(other), "another text"])
    note = image.with_name("notes.txt")
    note.write_text("a companion\n", encoding="utf-8")
    owner = grace.account
    trusting = ("--signer", grace.fingerprint)
    newer = rebuilt(image, image.with_name("newer.sif"))
    grace.sign(newer)
    results = [
        grace.sign(image, "--with", note, "--content-digest"),
        mallory.sign(image),
        account.verify(image),
        account.verify(image, *trusting),
        account.verify(image, "--expect", f"sha256:{'0' * 64}"),
        owner.run("withdraw", image, "--reason", "wrong grid", "--yes", "--json"),
        owner.run("supersede", image, newer, "--json"),
        account.verify(image, *trusting),
        account.verify(note, image.with_name("none.sif")),
        account.verify(described, "--signer", author_of_manifests.fingerprint),
        owner.run("lock", newer, "--out", newer.with_name("repro-sign.lock"), "--json"),
        account.verify("--lock", newer.with_name("repro-sign.lock"), newer),
        owner.run("inspect", image, "--json", "--content-digest"),
        owner.run("compare", image, base_image, "--json"),
        owner.run("compare", image, other, "--json"),
        owner.run("compare", image, image.with_name("climate.sif.manifest.asc"), "--json"),
        owner.run("key", "list", "--json"),
        owner.run("key", "show", grace.fingerprint, "--json"),
        owner.run("trust", "list", "--json"),
        owner.run("trust", "show", grace.fingerprint, "--json"),
        account.verify(image, *trusting, "--remember"),
        account.run("trust", "pins", "--json"),
        owner.run("doctor", "--json"),
        account.run("trust", "add", grace.public_key, "--yes", "--json"),
        _imported_people(owner, account),
        account.run("key", "import", grace.public_key, "--json"),
        account.run("keygen", "--store", "pem", "--no-passphrase", "--json"),
        account.run("key", "fetch", grace.fingerprint, "--from", grace.public_key, "--json"),
        _published(grace, image.parent),
        account.run("lint", "--json", PROJECT / "tests" / "lint" / "recipes" / "hub.def"),
        *_control_list(owner, image),
        account.run(
            *("keygen", "--name", "Ada Author", "--email", "ada@uni.example"),
            *("--store", "gnupg", "--no-passphrase", "--json"),
        ),
        *_life_of_a_key(account),
    ]
    explained = _in_code_style("docs/json.md") | _in_code_style("docs/manifest.md")
    members = set(_members([one.json for one in results]))
    assert not sorted(members - explained)


def _published(signer: Signer, folder: Path) -> Result:
    """Publish in all ways, on a server that serves a copy of the key."""
    with small_server(document(signer.public_key.read_bytes())) as server:
        return signer.account.run(
            *("key", "publish", signer.fingerprint, "--json", "--text", "--to", folder / "keys"),
            *("--wkd", folder / "www", "--domain", "lab.example", "--keyserver", server.url),
        )


def _control_list(owner: Account, image: Path) -> list[Result]:
    """Write a control list, and try it."""
    out = image.with_name("site")
    out.mkdir()
    return [
        owner.run("ecl", "generate", image.parent, "--out", out, "--json"),
        owner.run("ecl", "check", image, "--ecl", out / "ecl.toml", "--json"),
    ]


def _imported_people(owner: Account, account: Account) -> Result:
    """Import somebody's trust store."""
    people = account.home / "people.toml"
    owner.ok("trust", "export", "-o", people)
    return account.run("trust", "import", people, "--yes", "--json")


def _life_of_a_key(account: Account) -> list[Result]:
    """Run what changes a key, on the key in GnuPG."""
    secret = account.home / "passphrase"
    secret.touch(0o600)
    secret.write_text("correct horse battery staple", encoding="utf-8")
    opening = ("--json", "--passphrase-file", secret)
    listed = account.run("key", "list", "--secret", "--json").json["keys"]
    name = next(one["fingerprint"] for one in listed if one["secret_in"] == ["gnupg"])
    file = account.home / "backup.asc"
    return [
        account.run("key", "renew", name, *opening),
        account.run("key", "backup", name, "-o", file, *opening),
        account.run("key", "remove", name, "--backup", file, "--yes", *opening),
        account.run("key", "restore", file, *opening),
        account.run("key", "revoke", name, "--reason", "retired", "--yes", *opening),
    ]


def _members(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield name
            if name != "labels":  # their names are the image's own
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
    assert [set(re.findall(r"`([\w.]+)`", row.split("|")[1])) for row in table] == held


def test_the_json_examples_are_json() -> None:
    for page in _pages():
        text = page.read_text(encoding="utf-8")
        for example in re.findall(r"^```json\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            json.loads(example)
