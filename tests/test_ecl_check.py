"""What is predicted of Apptainer's control list is what the real Apptainer does."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from repro_sign.ecl.checking import EclAnswer, Ruling, check_folder
from repro_sign.ecl.control_list import MODES, ControlList, parse
from repro_sign.ecl.global_ring import read_global_ring
from repro_sign.ecl.validity import faults
from repro_sign.known_keys import read_keys
from repro_sign.times import utc_now
from tests.account import Account, Signer
from tests.corpus.cases import CASES
from tests.corpus.workshop import Workshop
from tests.ecl_gate import Gate
from tests.key_states import gpg_export, revoke

pytest_plugins = ["tests.corpus.plugin", "tests.gate_plugin"]

SOME_CASES = CASES[::13]


def group(dirpath: str | Path, mode: str, *fingerprints: str, tag: str = "g") -> str:
    return (
        f'[[execgroup]]\ntagname = "{tag}"\nmode = "{mode}"\ndirpath = "{dirpath}"\n'
        f"keyfp = {json.dumps(fingerprints)}\n"
    )


def listed(*groups: str, activated: bool = True) -> str:
    return f"activated = {json.dumps(activated)}\n{''.join(groups)}"


def binary(*signers: Signer) -> bytes:
    keys = [read_keys(one.public_key.read_bytes(), "key") for one in signers]
    return b"".join(each.binary for one in keys for each in one.certificates)


def predicted(gate: Gate, control: ControlList, image: Path) -> EclAnswer:
    ring = read_global_ring(gate.settings / "global-pgp-public")
    (answer,) = check_folder(image, control, ring, utc_now())
    return answer


def agrees(gate: Gate, text: str, ring: bytes, image: Path) -> EclAnswer:
    """Ask both; return our answer, which has to be that of the real program."""
    gate.install(text, ring)
    answer = predicted(gate, parse(text.encode()), image)
    assert gate.run(image) == answer.ruling.value, answer
    return answer


@pytest.mark.parametrize("keys", ["the author", "everybody", "everybody, later"])
@pytest.mark.parametrize("mode", MODES)
def test_images_of_every_kind_are_ruled_on_as_apptainer_does(
    mode: str, keys: str, workshop: Workshop, gate: Gate
) -> None:
    names = [one for one in workshop.keys.certificates if not one.startswith("pem")]
    chosen = ["ada", "grace", "mallory"] if keys == "the author" else names
    copies = [
        each for name in chosen for each in workshop.given(name).certificates if each.user_ids
    ]
    if keys == "everybody":  # keys as they were made; otherwise as something became of them
        copies.reverse()
    certificates = list({one.fingerprint: one for one in copies}.values())
    ring = b"".join(one.binary for one in certificates)
    fingerprints = {one.fingerprint.hex for one in certificates}
    ada = workshop.given("ada").certificates[0].fingerprint.hex
    text = listed(group("", mode, *([ada] if keys == "the author" else sorted(fingerprints))))
    gate.install(text, ring)
    control, wrong, seen = parse(text.encode()), [], Counter[str]()
    for case in SOME_CASES:
        image = workshop.image(case)
        answer, real = predicted(gate, control, image), gate.run(image)
        if real in ("runs", "refused"):
            seen[real] += 1
            if answer.ruling is not Ruling.UNPREDICTED and answer.ruling.value != real:
                wrong.append((case.name, real, answer))
    assert not wrong
    assert seen["refused"] > 5
    assert keys != "the author" or seen["runs"] > 2


def test_most_rulings_are_predicted(workshop: Workshop) -> None:
    certificate = workshop.given("ada").certificates[0]
    control = parse(listed(group("", "whitelist", certificate.fingerprint.hex)).encode())
    rulings = Counter(
        answer.ruling
        for case in SOME_CASES
        for answer in check_folder(workshop.image(case), control, (certificate,), utc_now())
    )
    assert rulings[Ruling.UNPREDICTED] < len(SOME_CASES) // 2
    assert rulings[Ruling.RUNS]


def test_each_mode_counts_signers_as_apptainer_does(
    gate: Gate, image: Path, base_image: Path, ada: Signer, grace: Signer, mallory: Signer
) -> None:
    folder = image.parent
    unsigned = Path(shutil.copy(base_image, folder / "unsigned.sif"))
    ada.sign(image, "--no-manifest")
    both = Path(shutil.copy(image, folder / "both.sif"))
    grace.sign(both, "--no-manifest")
    strange = Path(shutil.copy(base_image, folder / "strange.sif"))
    mallory.sign(strange, "--no-manifest")
    changed = Path(shutil.copy(image, folder / "changed.sif"))
    data = bytearray(changed.read_bytes())
    data[data.index(b"hsqs") + 4096] ^= 1
    changed.write_bytes(data)
    ring = binary(ada, grace)
    found = {
        (mode, len(keys), one.stem): agrees(
            gate, listed(group(folder, mode, *keys)), ring, one
        ).ruling.value
        for mode in MODES
        for keys in ((), (ada.fingerprint,), (ada.fingerprint.lower(), grace.fingerprint))
        for one in (image, unsigned, both, strange, changed)
    }
    runs = {key for key, ruling in found.items() if ruling == "runs"}
    assert {(count, name) for mode, count, name in runs if mode == "whitelist"} == {
        *((1, "climate"), (2, "climate"), (1, "both"), (2, "both"))
    }
    assert {(count, name) for mode, count, name in runs if mode == "whitestrict" and count} == {
        *((1, "climate"), (1, "both"), (2, "both"))
    }
    assert ("whitestrict", 0, "strange") in runs
    assert ("blacklist", 2, "strange") in runs
    assert not [key for key in runs if key[2] in ("unsigned", "changed")]


def test_the_group_is_that_of_the_real_folder(gate: Gate, image: Path, grace: Signer) -> None:
    grace.sign(image, "--no-manifest")
    folder, below = image.parent, image.parent / "below"
    below.mkdir()
    copied = Path(shutil.copy(image, below / "copy.sif"))
    link = below / "link.sif"
    link.symlink_to(image)
    only = listed(group(folder, "whitelist", grace.fingerprint))
    ring = binary(grace)
    assert agrees(gate, only, ring, image).code == "signed"
    assert agrees(gate, only, ring, link).code == "signed"
    assert agrees(gate, only, ring, copied).code == "no-group"
    fallback = only + group("", "whitelist", "0" * 40)
    assert agrees(gate, fallback, ring, copied).code == "not-signed"
    assert agrees(gate, fallback, ring, image).code == "signed"
    assert agrees(gate, listed(only, activated=False)[:18], ring, copied).code == "not-activated"
    assert agrees(gate, "activated = true\n", ring, image).code == "no-group"


def test_keys_are_judged_as_they_are_now(gate: Gate, image: Path, account: Account) -> None:
    one = account.make_signer("Olga Old", "olga@uni.example", "gnupg")
    one.sign(image, "--no-manifest")
    text = listed(group("", "whitelist", one.fingerprint))
    armored = read_keys(gpg_export(one), "key").certificates[0]
    assert agrees(gate, text, armored.binary, image).ruling == "runs"
    assert "not in the global" in agrees(gate, text, b"", image).message
    revoke(one)
    revoked = read_keys(gpg_export(one), "key").certificates[0]
    answer = agrees(gate, text, revoked.binary, image)
    assert answer.ruling == "refused"
    assert "revoked" in answer.message


INVALID = {
    "mode-unknown": ("{folder}", "greylist", 1, ()),
    "dirpath-missing": ("{folder}/none", "whitelist", 1, ()),
    "dirpath-relative": ("work", "whitelist", 1, ()),
    "dirpath-not-real": ("{folder}/", "whitelist", 1, ()),
    "dirpath-twice": ("{folder}", "whitelist", 2, ()),
    "fingerprint-malformed": ("{folder}", "whitelist", 1, (f"0x{'0' * 40}",)),
}


@pytest.mark.parametrize("activated", [True, False], ids=["in force", "not activated"])
@pytest.mark.parametrize("code", INVALID)
def test_an_invalid_list_refuses_every_image(
    code: str, activated: bool, gate: Gate, image: Path, grace: Signer
) -> None:
    dirpath, mode, times, keys = INVALID[code]
    groups = [group(dirpath.format(folder=image.parent), mode, *keys)] * times
    text = listed(*groups, activated=activated)
    assert {one.code for one in faults(parse(text.encode()))} == {code}
    assert agrees(gate, text, binary(grace), image).code == code


@pytest.mark.parametrize(
    "text",
    [
        "activated = true\n[[execgroup",
        'activated = "true"\n',
        'activated = true\n[[execgroup]]\nkeyfp = "0"\n',
        "activated = true\nactivated = true\n",
    ],
)
def test_a_list_that_can_not_be_loaded_is_none(
    text: str, gate: Gate, image: Path, account: Account
) -> None:
    path = gate.install(text, b"")
    assert gate.run(image) == "runs"
    result = account.run("ecl", "check", image, "--ecl", path)
    assert result.status == 1
    assert "every image would run" in result.err


def test_the_command_says_what_would_happen(
    gate: Gate, image: Path, grace: Signer, account: Account
) -> None:
    grace.sign(image, "--no-manifest")
    path = gate.install(listed(group("", "whitelist", grace.fingerprint)), binary(grace))
    result = account.run("ecl", "check", image.parent, "--ecl", path)
    assert result.status == 0
    assert f"runs  {image}: g (all other folders): signed by {grace.fingerprint}" in result.out
    empty = image.with_name("empty")
    empty.touch()
    refused = account.run("ecl", "check", image, "--ecl", path, "--keyring", empty, "--json")
    assert refused.status == 1
    assert refused.json["images"][0]["code"] == "not-signed"
    missing = account.run("ecl", "check", image.parent / "none.sif", "--ecl", path)
    assert missing.status == 3
