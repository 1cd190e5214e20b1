"""Hundreds of damaged images: each has an answer within bounds, and none is wrongly verified."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from repro_sign.sif.layout import DataType
from tests.account import Account, Result, Signer
from tests.corpus import surgery
from tests.mutations import BYTES, NUMBERS, Mutant, blaming, mutants

pytest.importorskip("resource", reason="memory is limited and measured the POSIX way")

from tests.many_commands import Commands


@dataclass(frozen=True)
class Desk:
    """A reader, and an image by somebody whom they trust, with its manifest."""

    commands: Commands
    image: Path
    author: Signer
    good: bytes

    def verify(self, *options: str | Path) -> Result:
        """Verify what lies there now."""
        believing = ("--key", self.author.public_key, "--engine", "native")
        return self.commands.run("verify", "--json", self.image, *believing, *options)


@pytest.fixture
def desk(grace: Signer, image: Path, account: Account) -> Iterator[Desk]:
    grace.sign(image)
    without_apptainer = account.with_variables(PATH="/usr/bin:/bin")
    with Commands.of(without_apptainer) as commands:
        yield Desk(commands, image, grace, image.read_bytes())


def covered(data: bytes) -> Any:
    """Return what a signature is over: part of the header, the objects with their descriptors."""
    image = bytearray(data)
    head = surgery.header(image)
    rows = [fields for _, fields in surgery.used(image) if fields["type"] != DataType.SIGNATURE]
    first = min(fields["id"] for fields in rows)
    loose = ("used", "id", "group", "offset", "padded", "modified")
    objects = {
        fields["id"] - first: (
            {name: value for name, value in fields.items() if name not in loose},
            image[fields["offset"] : fields["offset"] + fields["size"]],
        )
        for fields in rows
    }
    return [head[name] for name in ("launch", "magic", "version", "uuid")], objects


def limits_of_every_field(good: bytes) -> Iterator[Mutant]:
    """Put the limits of its type into each field of the header and of the rows in use."""
    image = bytearray(good)
    names = [name for name, value in surgery.header(image).items() if isinstance(value, int)]
    for name in names:
        for number in NUMBERS:
            changed = bytearray(good)
            surgery.set_header(changed, **{name: number})
            yield Mutant(f"header {name} {number}", bytes(changed))
    for slot, fields in surgery.used(image):
        for name in (name for name, value in fields.items() if isinstance(value, int)):
            for number in {one & BITS.get(name, (1 << 63) - 1) for one in NUMBERS}:
                changed = bytearray(good)
                surgery.set_row(changed, slot, **{name: number})
                yield Mutant(f"row {slot} {name} {number}", bytes(changed))


BITS: Final = {
    "used": 0xFF,
    "type": 0x7FFFFFFF,
    **dict.fromkeys(("id", "group", "link"), 0xFFFFFFFF),
}


def test_a_damaged_image_is_never_verified_unless_all_that_was_signed_is_as_it_was(
    desk: Desk,
) -> None:
    desk.image.with_name("climate.sif.manifest.asc").unlink()
    assert desk.verify().status == 0
    answers = []
    for mutant in (
        *mutants(desk.good, "image", 120, *BYTES),
        *limits_of_every_field(desk.good),
    ):
        desk.image.write_bytes(mutant.data)
        with blaming(mutant):
            answers.append(desk.verify().status)
            assert answers[-1] or covered(mutant.data) == covered(desk.good)
    assert {0, 1} <= set(answers)


def test_an_image_that_has_to_be_the_very_file_is_never_verified_once_it_is_changed(
    desk: Desk,
) -> None:
    strictly = ("--require-manifest", "--exact")
    assert desk.verify(*strictly).status == 0
    for mutant in mutants(desk.good, "exact", 60, *BYTES):
        desk.image.write_bytes(mutant.data)
        with blaming(mutant):
            assert desk.verify(*strictly).status in (1, 3, 4, 5)


@pytest.mark.parametrize("command", ["inspect", "compare", "lint", "cite", "audit", "lock", "sign"])
def test_other_commands_have_an_answer_about_a_damaged_image(
    desk: Desk, command: str, grace: Signer
) -> None:
    whole = Path(shutil.copy(desk.image, desk.image.parent.parent / "whole.sif"))
    folder = desk.image.parent
    believing = ("--key", grace.public_key)
    key = desk.commands.run("keygen", "--store", "pem", "--no-passphrase", "--json")
    lines: dict[str, tuple[str | Path, ...]] = {
        "inspect": ("inspect", desk.image, "--content-digest"),
        "compare": ("compare", desk.image, whole),
        "lint": ("lint", desk.image),
        "cite": ("cite", desk.image, "--as", "ro-crate", *believing),
        "audit": ("audit", folder, *believing, "--all"),
        "lock": ("lock", folder, "--out", folder / "x.lock", "--unverified", *believing),
        "sign": ("sign", desk.image, "--key", key.json["secret_key"], "--no-manifest"),
    }
    for mutant in mutants(desk.good, command, 20, *BYTES):
        desk.image.write_bytes(mutant.data)
        (folder / "x.lock").unlink(missing_ok=True)
        with blaming(mutant):
            done = desk.commands.run(*lines[command])
            if command in ("cite", "audit") and done.status == 0:
                assert covered(mutant.data) == covered(desk.good)
            if command == "sign" and done.status:
                assert desk.image.read_bytes() == mutant.data
