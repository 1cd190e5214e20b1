"""`cite`: what is written of an image, for people and for programs that read it back."""

import json
import re
from pathlib import Path

import pytest
from rocrate.rocrate import ROCrate

from repro_sign.citing.forms import FORMS
from tests.account import Account, Signer
from tests.conftest import Need
from tests.described import PARTS, Describer

NASTY = 'A{b} $c$ & #d %e _f_ <g> "h" `i` \\j ~k^ l|m'


def cite(account: Account, image: Path, by: str, *options: str) -> str:
    return account.ok("cite", image, "--signer", by, *options).out


def test_the_paragraph_names_what_a_reader_needs(
    ada: Signer, account: Account, image: Path
) -> None:
    ada.sign(image)
    facts = account.ok("verify", image, "--signer", ada.fingerprint, "--deep", "--json")
    (found,) = facts.json["images"]
    text = cite(account, image, ada.fingerprint, "--doi", "https://doi.org/10.5281/zenodo.123")
    for said in (
        *("climate.sif", "Ada Author <ada@uni.example>", found["digest"]["sha256"]),
        *(found["identity"], "https://doi.org/10.5281/zenodo.123"),
        f"repro-sign verify climate.sif --signer {ada.fingerprint}",
    ):
        assert said in text


def test_the_printed_command_verifies_the_image(ada: Signer, account: Account, image: Path) -> None:
    ada.sign(image)
    document = account.ok("cite", image, "--signer", ada.fingerprint, "--json").json
    words = document["command"].split()
    assert words[0] == "repro-sign"
    assert account.run(*words[1:], cwd=image.parent).status == 0
    assert document["text"] == cite(account, image, ada.fingerprint)


def test_the_source_is_cited_as_the_manifest_says(
    author_of_manifests: Describer, account: Account, image: Path
) -> None:
    author_of_manifests.sign(image, PARTS)
    text = cite(account, image, str(author_of_manifests.fingerprint))
    assert PARTS["source"]["commit"] in text
    assert PARTS["source"]["url"] in text


@pytest.mark.parametrize("changed", ["unsigned", "stranger", "bytes"])
def test_what_is_not_verified_is_not_cited(
    ada: Signer, mallory: Signer, account: Account, image: Path, changed: str
) -> None:
    if changed != "unsigned":
        (mallory if changed == "stranger" else ada).sign(image)
    if changed == "bytes":
        data = bytearray(image.read_bytes())
        data[700_000] ^= 1
        image.write_bytes(data)
    done = account.run("cite", image, "--signer", ada.fingerprint)
    assert (done.status, done.out) == (1, "")
    assert "only a verified image is cited" in done.err
    assert account.run("cite", image.with_name("none.sif")).status == 3


def test_the_crate_is_read_back(ada: Signer, account: Account, image: Path, tmp_path: Path) -> None:
    ada.sign(image, "--seed", "1")
    text = cite(account, image, ada.fingerprint, "--as", "ro-crate", "--title", NASTY)
    folder = tmp_path / "crate"
    folder.mkdir()
    (folder / "ro-crate-metadata.json").write_text(text)
    (folder / "climate.sif").write_bytes(image.read_bytes())
    crate = ROCrate(folder)
    entity = crate.dereference("climate.sif")
    assert entity["contentSize"] == str(image.stat().st_size)
    assert len(entity["sha256"]) == 64
    assert entity["creator"][0]["identifier"] == ada.fingerprint
    assert crate.root_dataset["name"].startswith("A{b}")


@pytest.mark.parametrize("authors", [(), (NASTY, "Grace Writer")])
def test_the_citation_file_is_valid(
    ada: Signer, account: Account, image: Path, need: Need, authors: tuple[str, ...]
) -> None:
    need("cffconvert")
    ada.sign(image)
    options = [word for name in authors for word in ("--author", name)]
    where = ("--doi", "10.5281/zenodo.123", "--url", "https://zenodo.example/record/123")
    text = cite(account, image, ada.fingerprint, "--as", "cff", "--title", NASTY, *options, *where)
    (account.home / "CITATION.cff").write_text(text, encoding="utf-8")
    account.program("cffconvert", "--validate")
    assert f"openpgp4fpr:{ada.fingerprint}" in text


def test_zenodos_metadata_is_json_and_its_description_inert(
    ada: Signer, account: Account, image: Path
) -> None:
    odd = image.rename(image.with_name("<b>&.sif"))
    ada.sign(odd)
    found = json.loads(cite(account, odd, ada.fingerprint, "--as", "zenodo", "--author", "Ada"))
    assert found["upload_type"] == "software"
    assert found["creators"] == [{"name": "Ada"}]
    assert "<b>" not in found["description"]
    assert "&lt;b&gt;&amp;.sif" in found["description"]


@pytest.mark.parametrize("form", ["latex", "bibtex"])
def test_names_mean_nothing_to_latex(ada: Signer, account: Account, image: Path, form: str) -> None:
    ada.sign(image)
    named = ("--title", NASTY, "--author", NASTY)
    text = cite(account, image, ada.fingerprint, "--as", form, *named)
    bare = re.sub(r"\\[#$%&_{}]|\\text\w+", "", text)
    assert not set('#$%&^~<>|"') & set(bare)
    assert bare.count("{") == bare.count("}")


@pytest.mark.parametrize("form", list(FORMS))
def test_each_form_has_digest_or_fingerprint(
    ada: Signer, account: Account, image: Path, form: str
) -> None:
    ada.sign(image)
    text = cite(account, image, ada.fingerprint, "--as", form)
    assert ada.fingerprint[-4:] in text
    assert text.endswith("\n")
    assert "\x1b" not in text


def test_what_is_no_doi_is_a_usage_error(account: Account, image: Path) -> None:
    done = account.run("cite", image, "--doi", "zenodo 123")
    assert done.status == 2
    assert "no DOI" in done.err
    for url in ("ftp://a", "https://a}{b", "https://a b", "javascript:alert(1)"):
        assert account.run("cite", image, "--url", url).status == 2


def test_addresses_stand_in_the_entry_as_they_are(
    ada: Signer, account: Account, image: Path
) -> None:
    ada.sign(image)
    options = ("--as", "bibtex", "--doi", "10.5281/a_b%20c", "--url", "https://a.example/x_y#z")
    text = cite(account, image, ada.fingerprint, *options)
    assert "doi = {10.5281/a_b%20c}," in text
    assert "url = {https://a.example/x_y#z}," in text
