"""Damaged policies, trust stores, lock files, control lists, recipes: bounded, never believed.

Each base says that somebody else than the image's signer is believed, or pins another image: so
no damage to it can make the image verified.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.account import Account, Result, Signer
from tests.mutations import TEXT, Mutant, blaming, mutants

pytest.importorskip("resource", reason="memory is limited and measured the POSIX way")

from tests.many_commands import Commands


@dataclass(frozen=True)
class Desk:
    """A reader who believes Mallory alone, and an image that Grace signed."""

    commands: Commands
    image: Path
    stranger: Signer

    @property
    def settings(self) -> Path:
        return self.commands.account.home / ".config" / "repro-sign"

    def verify(self, *arguments: str | Path, cwd: Path | None = None) -> Result:
        return self.commands.run("verify", "--json", "--engine", "native", *arguments, cwd=cwd)


@pytest.fixture
def desk(grace: Signer, mallory: Signer, image: Path, account: Account) -> Iterator[Desk]:
    grace.sign(image)
    with Commands.of(account.with_variables(PATH="/usr/bin:/bin")) as commands:
        yield Desk(commands, image, mallory)


def huge_texts(seed: str, size: int, *units: str) -> Iterator[Mutant]:
    """Yield texts as large as such a file may be; `%d` in a unit makes each of them another."""
    for unit in units:
        count = size // (len(unit) + 3 * ("%d" in unit))
        numbered = (unit.replace("%d", str(number)) for number in range(count))
        yield Mutant(f"{seed}: much of {unit[:20]!r}", "".join(numbered).encode())


MEBI: Final = 1 << 20
SHAPES: Final = (
    *(
        "[",
        "a.",
        '"',
        "#",
        "\n",
        "a=1\n",
        "[a",
        "{a=",
        "'''",
        "[[a]]\n",
        "a.b.c.d=1\n",
        "[[a]]\n[a.b]\n",
    ),
    *("k%d=1\n", "[k%d]\n", "k%d={}\n", "k%d.a.b=1\n", f"k%d{'.a' * 90}=1\n"),
)
"""What costs the parser much: time, memory, depth."""


def policy(signer: Signer) -> bytes:
    return f"""[[signer]]
name = "Mallory"
fingerprint = ["{signer.fingerprint}", "{"A" * 40}"]
key = "{signer.public_key}"

[[signer]]
name = "Bob"
fingerprint = "{"B" * 40}"

[group]
lab = ["Mallory", "Bob"]

[[delegation]]
by = "Bob"
project = "climate"
group = "deputies"
statements = "delegations"

[[rotation]]
of = "Bob"
statements = "delegations"

[[rule]]
name = "papers"
images = ["climate*.sif", "o?ean[0-9].sif"]
require = ["1 of lab", "Mallory"]
require_manifest = false
exact = false
require_timestamp = false
not_older_than = "90d"
remember = false
""".encode()


def test_a_damaged_policy_makes_nobody_trusted(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "delegations").mkdir()
    path, base = tmp_path / "policy.toml", policy(desk.stranger)
    path.write_bytes(base)
    assert desk.verify(desk.image, "--policy", path).status == 5
    for mutant in (
        *mutants(base, "policy", 120, *TEXT),
        *huge_texts("policy", MEBI, "[[rule]]\n", "[k%d]\n"),
    ):
        path.write_bytes(mutant.data)
        with blaming(mutant):
            assert desk.verify(desk.image, "--policy", path).status in (1, 3, 5)


def test_a_damaged_trust_store_makes_nobody_trusted(desk: Desk) -> None:
    commands, stranger = desk.commands, desk.stranger
    commands.run("trust", "add", stranger.public_key, "--as", "M", "--note", "met", "--yes")
    path = desk.settings / "trust.toml"
    base = path.read_bytes()
    assert desk.verify(desk.image).status == 5
    for mutant in (
        *mutants(base, "trust", 80, *TEXT),
        *huge_texts("trust", 4 * MEBI, "[[signer]]\n", "[k%d]\n"),
    ):
        path.write_bytes(mutant.data)
        with blaming(mutant):
            assert desk.verify(desk.image).status in (1, 3, 5)
    for mutant in mutants(base, "change", 20, *TEXT):
        path.write_bytes(mutant.data)
        with blaming(mutant):
            commands.run("trust", "list")
            commands.run("trust", "add", "C" * 40, "--yes")
            commands.run("trust", "remove", stranger.fingerprint)


def test_a_damaged_export_is_imported_by_nobody_unasked(desk: Desk, tmp_path: Path) -> None:
    commands, stranger = desk.commands, desk.stranger
    commands.run("trust", "add", stranger.public_key, "--as", "M", "--note", "met", "--yes")
    base = commands.run("trust", "export").out.encode()
    path, trust = tmp_path / "people.toml", desk.settings / "trust.toml"
    for mutant in (
        *mutants(base, "export", 80, *TEXT),
        *huge_texts("export", 8 * MEBI, "[[signer]]\n", "'''"),
    ):
        path.write_bytes(mutant.data)
        trust.unlink(missing_ok=True)
        with blaming(mutant):
            done = commands.run("trust", "import", path, "--yes")
            assert trust.exists() <= (done.status == 0)
    assert desk.verify(desk.image).status == 5


def test_a_damaged_lock_file_pins_no_other_image(
    desk: Desk, grace: Signer, newer_image: Path
) -> None:
    folder, commands = desk.image.parent, desk.commands
    believing = ("--signer", grace.fingerprint)
    assert commands.run("lock", *believing, cwd=folder).status == 0
    for path in folder.glob("climate.sif*"):
        path.unlink()
    grace.sign(Path(shutil.copy(newer_image, desk.image)))
    path = folder / "repro-sign.lock"
    base = path.read_bytes()
    assert desk.verify("--lock", path.name, cwd=folder).status == 1
    for mutant in (
        *mutants(base, "lock", 100, *TEXT),
        *huge_texts("lock", 8 * MEBI, "[[image]]\n", *SHAPES),
    ):
        path.write_bytes(mutant.data)
        with blaming(mutant):
            assert desk.verify("--lock", path.name, *believing, cwd=folder).status in (1, 3)


ECL = f"""activated = true
legacyinsecure = false

[[execgroup]]
tagname = "site"
mode = "whitelist"
dirpath = "/srv/images"
keyfp = ["{"A" * 40}", "{"B" * 40}"]

[[execgroup]]
tagname = "others"
mode = "whitestrict"
dirpath = ""
keyfp = ["{"C" * 40}"]
""".encode()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("".join(f"[k{n}]\n" for n in range(149_000)), id="tables"),
        pytest.param("".join(f"k{n}{'.a' * 90}=1\n" for n in range(1_650)), id="dots"),
        pytest.param("x = [" + "1," * 399_000 + "]", id="values"),
        pytest.param("".join(f"k{n} = 1\n" for n in range(399_000)), id="members"),
        pytest.param(
            "".join(f"[[image]]\npath='{n % 19_999}'\n" for n in range(20_000)), id="images"
        ),
    ],
)
def test_as_much_as_is_read_of_a_lock_file_stays_in_bounds(
    desk: Desk, tmp_path: Path, text: str
) -> None:
    (path := tmp_path / "repro-sign.lock").write_text("version = 1\n" + text)
    assert desk.verify("--lock", path).status == 3


def test_a_damaged_control_list_is_judged(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "ecl.toml"
    path.write_bytes(ECL)
    folder = desk.image.parent
    assert desk.commands.run("ecl", "check", folder, "--ecl", path).status == 1
    huge = huge_texts(
        "ecl", MEBI, "[[execgroup]]\n", "k%d=1\n", '""\n', "keyfp=[" + '"",' * 300_000 + "]\n"
    )
    for number, mutant in enumerate((*mutants(ECL, "ecl", 80, *TEXT), *huge)):
        path.write_bytes(mutant.data)
        with blaming(mutant):
            assert desk.commands.run("ecl", "lint", path, "--json").status in (0, 1, 3)
            if number % 4 == 0:
                desk.commands.run("ecl", "check", folder, "--ecl", path)
