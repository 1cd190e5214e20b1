"""Publishing a key in a folder, for a web site, and as text: nothing is lost, nothing is secret."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from repro_sign.known_keys import Keys
from repro_sign.openpgp import packets
from repro_sign.openpgp.certificate import Certificate, read_certificates
from repro_sign.publishing.readme_table import BEGIN, END
from repro_sign.publishing.text import texts_of
from tests.account import Account, Result, Signer
from tests.conftest import Need
from tests.key_states import revoke
from tests.programs import PROJECT

NASTY = "A\\da {x} $y$ & #1 %z _u_ ^v ~w `id` <b> [l](u) | \"q\" 'r' --- *!* https://e.example"
"""What means something to LaTeX, Markdown, HTML or YAML."""


@pytest.fixture
def owner(need: Need) -> Iterator[Signer]:
    """Give an author whose key a test may revoke or change."""
    need("gpg")
    with Account.new() as one:
        yield one.make_signer("Ada Author", "ada@uni.example", "gnupg")


def publish(signer: Signer, *options: str | Path) -> Result:
    return signer.account.run("key", "publish", signer.fingerprint, *options)


def read(path: Path) -> Certificate:
    (found,) = read_certificates(path.read_bytes(), "published")
    return found


def rows(readme: Path) -> list[list[str]]:
    text = readme.read_text(encoding="utf-8")
    table = text.partition(BEGIN)[2].partition(END)[0].strip().splitlines()[2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in table]


def test_a_key_is_put_into_a_folder_and_its_table(author: Signer, tmp_path: Path) -> None:
    result = publish(author, "--to", tmp_path / "keys", "--json")
    assert result.status == 0
    path = tmp_path / "keys" / f"{author.fingerprint}.asc"
    assert result.json["folder"]["path"] == str(path)
    assert read(path).fingerprint.hex == author.fingerprint
    ((name, fingerprint, created, expires, status),) = rows(tmp_path / "keys" / "README.md")
    assert name == author.user_id.replace("<", "\\<").replace(">", "\\>")
    assert fingerprint.strip("`").replace(" ", "") == author.fingerprint
    assert created < expires
    assert status == "valid"


def test_the_folder_keys_is_meant_where_none_is_named(owner: Signer, tmp_path: Path) -> None:
    owner.account.ok("key", "publish", owner.fingerprint, "--to", cwd=tmp_path)
    assert (tmp_path / "keys" / f"{owner.fingerprint}.asc").exists()


def test_no_secret_is_ever_published(author: Signer, tmp_path: Path) -> None:
    ways = ("--to", tmp_path / "keys", "--wkd", tmp_path / "www", "--text")
    domain = author.user_id.rpartition("@")[2].rstrip(">")
    assert publish(author, *ways, "--domain", domain).status == 0
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) == 6
    for path in written:
        assert b"PRIVATE" not in path.read_bytes()
    for path in (*(tmp_path / "www").rglob("hu/*"), *(tmp_path / "keys").glob("*.asc")):
        data = read(path).binary
        assert not {one.tag for one in packets.iterate(data)} & set(packets.SECRET_TAGS)


def test_all_that_a_person_wrote_into_the_readme_stays(
    owner: Signer, ada: Signer, grace: Signer, tmp_path: Path
) -> None:
    readme = tmp_path / "README.md"
    readme.write_bytes("Our keys, äöü\r\n\r\nnot ended by a line end".encode())
    for one in (owner, ada, grace, owner, ada):
        assert publish(one, "--to", tmp_path).status == 0
    before, _, rest = readme.read_bytes().partition(BEGIN.encode())
    assert before == "Our keys, äöü\r\n\r\nnot ended by a line end\r\n\r\n".encode()
    table, _, after = rest.partition(END.encode())
    assert after == b"\r\n"
    assert table.count(b"\n") == table.count(b"\r\n") == 6
    names = [row[1].strip("`").replace(" ", "") for row in rows(readme)]
    assert names == [owner.fingerprint, ada.fingerprint, grace.fingerprint]


def test_a_row_by_hand_and_the_text_after_the_table_stay(owner: Signer, tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    by_hand = "| Lin \\| Lab | see her web page | 2020 | never | ? |"
    readme.write_text(f"# Keys\n{BEGIN}\n{by_hand}\n{END} tail\nafter\n", encoding="utf-8")
    assert publish(owner, "--to", tmp_path).status == 0
    text = readme.read_text(encoding="utf-8")
    assert text.startswith("# Keys\n")
    assert text.endswith(f"{END} tail\nafter\n")
    assert by_hand in text.splitlines()


@pytest.mark.parametrize("text", [BEGIN, END, f"{END}{BEGIN}", f"{BEGIN}{END}{BEGIN}{END}"])
def test_marks_that_make_no_sense_are_left_to_their_owner(
    owner: Signer, tmp_path: Path, text: str
) -> None:
    (tmp_path / "README.md").write_text(text, encoding="utf-8")
    result = publish(owner, "--to", tmp_path)
    assert result.status == 1
    assert "not one pair" in result.err
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == text
    assert not list(tmp_path.glob("*.asc"))


def test_a_readme_that_is_no_text_is_left_alone(owner: Signer, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_bytes(b"\xff\xfe")
    result = publish(owner, "--to", tmp_path)
    assert (result.status, (tmp_path / "README.md").read_bytes()) == (1, b"\xff\xfe")
    assert "not UTF-8" in result.err


def test_the_projects_own_folder_of_keys_takes_a_key(owner: Signer, tmp_path: Path) -> None:
    shutil.copy(PROJECT / "keys" / "README.md", tmp_path)
    before = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert publish(owner, "--to", tmp_path).status == 0
    after = (tmp_path / "README.md").read_text(encoding="utf-8")
    added = [line for line in after.splitlines() if line not in before.splitlines()]
    assert len(added) == 1
    assert len(after.splitlines()) == len(before.splitlines()) + 1


def test_a_revocation_shows_in_the_table(owner: Signer, tmp_path: Path) -> None:
    assert publish(owner, "--to", tmp_path).status == 0
    revoke(owner)
    assert publish(owner, "--to", tmp_path).status == 0
    ((*_, status),) = rows(tmp_path / "README.md")
    assert status.startswith("revoked (")
    assert read(tmp_path / f"{owner.fingerprint}.asc").revoked


def test_a_revocation_that_only_the_published_copy_has_stays(owner: Signer, tmp_path: Path) -> None:
    before = owner.account.ok("key", "export", owner.fingerprint).out
    revoke(owner)
    assert publish(owner, "--to", tmp_path).status == 0
    with Account.new() as other:
        (other.home / "old.asc").write_text(before)
        other.ok("key", "import", other.home / "old.asc", "--store", "gnupg")
        published = other.ok("key", "publish", owner.fingerprint, "--to", tmp_path, "--json").json
        shown = other.ok("key", "publish", owner.fingerprint, "--to", tmp_path).out
    assert [one["kind"] for one in published["folder"]["kept"]] == ["revocation"]
    assert "key fetch --from" in shown
    assert read(tmp_path / f"{owner.fingerprint}.asc").revoked
    ((*_, status),) = rows(tmp_path / "README.md")
    assert status.startswith("revoked (")


@pytest.mark.parametrize("what", ["junk", "another key", "a secret key"])
def test_what_is_in_the_way_is_not_overwritten(
    owner: Signer, grace: Signer, tmp_path: Path, what: str
) -> None:
    path = tmp_path / f"{owner.fingerprint}.asc"
    if what == "a secret key":
        exported = owner.account.program("gpg", "--armor", "--export-secret-keys")
        path.write_text(exported.out)
    else:
        path.write_text("junk" if what == "junk" else grace.public_key.read_text())
    before = path.read_bytes()
    result = publish(owner, "--to", tmp_path)
    assert (result.status, path.read_bytes()) == (1, before)
    assert not (tmp_path / "README.md").exists()
    words = {"junk": "something else", "another key": "another key", "a secret key": "SECRET"}
    assert words[what] in result.err


def test_a_pem_key_goes_into_a_folder_and_into_text_only(account: Account, tmp_path: Path) -> None:
    made = account.ok("keygen", "--store", "pem", "--no-passphrase", "--json").json
    fingerprint = made["fingerprint"]
    done = account.ok("key", "publish", fingerprint, "--to", tmp_path, "--text", "--json").json
    published = Path(done["folder"]["path"])
    assert published.name == Path(made["public_key"]).name
    assert published.read_text() == (account.home / made["public_key"]).read_text()
    assert fingerprint in done["text"]["plain"]
    assert fingerprint in done["text"]["citation_cff"]
    readme = tmp_path / "README.md"
    text = readme.read_text(encoding="utf-8").replace("(a PEM key has no name)", "Ada's robot")
    readme.write_text(text, encoding="utf-8")
    account.ok("key", "publish", fingerprint, "--to", tmp_path)
    assert [row[:2] for row in rows(readme)] == [["Ada's robot", f"`{fingerprint}`"]]
    for way in (("--keyserver", "https://keys.example"), ("--wkd", "www", "--domain", "x.example")):
        result = account.run("key", "publish", fingerprint, *way)
        assert result.status == 1
        assert "a PEM key has no name" in result.err


def test_nonsense_is_a_usage_error(owner: Signer) -> None:
    assert publish(owner).status == 2
    assert publish(owner, "--wkd", "www").status == 2
    assert publish(owner, "--text", "--domain", "uni.example").status == 2
    for domain in ("", "../x", "a b.example", "\u00e4.example", "/etc"):
        assert publish(owner, "--wkd", "www", "--domain", domain).status == 2
    stranger = owner.account.run("key", "publish", "0" * 40, "--text")
    assert (stranger.status, "no key 0000 0000" in stranger.err) == (1, True)


# The Web Key Directory


def with_name(signer: Signer, user_id: str) -> None:
    command = ("gpg", "--batch", "--passphrase", "", "--quick-add-uid", signer.fingerprint)
    signer.account.program(*command, user_id)


def test_the_directory_is_the_one_that_gnupg_makes(
    owner: Signer, tmp_path: Path, need: Need
) -> None:
    need("gpg-wks-client")
    with_name(owner, "Ada <Ada.Author+lab@Uni.Example>")
    with_name(owner, "ada@other.example")
    done = publish(owner, "--wkd", tmp_path / "www", "--domain", "UNI.example", "--json")
    assert done.status == 0, done.err
    addresses = ["ada@uni.example", "ada.author+lab@uni.example"]
    assert {one["address"] for one in done.json["wkd"]} == set(addresses)
    (theirs := tmp_path / "theirs" / "uni.example").mkdir(parents=True)
    key = tmp_path / "key.gpg"
    owner.account.program("gpg", "--output", key, "--export", owner.fingerprint)
    for address in addresses:
        client = ("gpg-wks-client", "-C", theirs.parent, "--install-key", key, address)
        owner.account.program(*client)
    well_known = tmp_path / "www" / ".well-known" / "openpgpkey"
    for ours in (well_known / "uni.example", well_known):
        assert sorted(one.name for one in (ours / "hu").iterdir()) == sorted(
            one.name for one in (theirs / "hu").iterdir()
        )
        assert (ours / "policy").exists()
        for path in (ours / "hu").iterdir():
            assert read(path).binary == read(theirs / "hu" / path.name).binary
            assert path.read_bytes()[0] & 0x80, "binary, not armored"
    for one in done.json["wkd"]:
        printed = owner.account.program("gpg-wks-client", "--print-wkd-url", one["address"]).out
        assert printed.split()[0].partition("?")[0] == one["urls"][0].partition("?")[0]


def test_the_hash_is_gnupgs_for_any_address(owner: Signer, need: Need) -> None:
    need("gpg-wks-client")
    from repro_sign.key_sources.web_key_directory import Address

    for local in ("ada", "Ada.AUTHOR", "a", "x" * 60, "o'neil", "a_b=c/d", "jos\u00e9", "\u00c4DA"):
        command = ("gpg-wks-client", "--print-wkd-hash", f"{local}@uni.example")
        assert owner.account.program(*command).out.split()[0] == (
            Address.parse(f"{local}@uni.example").hash
        )


def test_nobody_is_published_in_a_domain_that_is_not_theirs(owner: Signer, tmp_path: Path) -> None:
    for domain in ("other.example", "example", "ni.example"):
        result = publish(owner, "--wkd", tmp_path / "www", "--domain", domain)
        assert result.status == 1
        assert f"has an address in {domain}" in result.err
    assert not (tmp_path / "www").exists()


def test_a_file_carries_the_names_of_its_address_and_nobodys_signatures(
    owner: Signer, account: Account, tmp_path: Path
) -> None:
    with_name(owner, "Ada, privately <ada@home.example>")
    account.make_signer("Grace Writer", "grace@lab.example", "gnupg")
    account.program("gpg", "--batch", "--import", owner.public_key)
    sign = ("gpg", "--batch", "--yes", "--quick-sign-key", owner.fingerprint)
    account.program(*sign)
    exported = account.program("gpg", "--armor", "--export", owner.fingerprint).out
    (owner.account.home / "signed.asc").write_text(exported)
    owner.account.program("gpg", "--import", "signed.asc")
    assert publish(owner, "--wkd", tmp_path, "--domain", "uni.example").status == 0
    path = next(tmp_path.rglob("hu/*"))
    assert read(path).user_ids == ("Ada Author <ada@uni.example>",)
    assert [one.tag for one in packets.iterate(path.read_bytes())] == [6, 13, 2]


def test_a_revoked_predecessor_stays_and_a_living_one_is_in_the_way(
    owner: Signer, tmp_path: Path
) -> None:
    domain = ("--domain", "uni.example")
    revoke(owner)
    assert publish(owner, "--wkd", tmp_path, *domain).status == 0
    with Account.new() as later, Account.new() as third:
        new = later.make_signer("Ada Author", "ada@uni.example", "gnupg")
        assert publish(new, "--wkd", tmp_path, *domain).status == 0
        assert publish(new, "--wkd", tmp_path, *domain).status == 0
        (path,) = (tmp_path / ".well-known/openpgpkey/hu").iterdir()
        found = read_certificates(path.read_bytes(), "both")
        assert [one.fingerprint.hex for one in found] == [new.fingerprint, owner.fingerprint]
        other = third.make_signer("Ada Author", "ada@uni.example", "gnupg")
        before = path.read_bytes()
        result = publish(other, "--wkd", tmp_path, *domain)
        assert (result.status, path.read_bytes()) == (1, before)
        assert "which is not revoked" in result.err


# Text


def test_the_texts_hold_fingerprint_name_and_command(author: Signer) -> None:
    texts = publish(author, "--text", "--json").json["text"]
    for name in ("latex", "markdown", "plain", "readme"):
        assert author.fingerprint in texts[name]
    assert f"repro-sign verify IMAGE.sif --signer {author.fingerprint}" in texts["readme"]
    assert f"openpgp4fpr:{author.fingerprint}" in texts["citation_cff"]
    assert author.user_id in texts["plain"]
    shown = publish(author, "--text").out
    assert all(text.strip() in shown for text in texts.values())


@pytest.fixture
def nasty(need: Need) -> Keys:
    """Give a key whose owner has a name full of what could do harm."""
    need("gpg")
    with Account.new() as one:
        gpg = ("gpg", "--batch", "--passphrase", "")
        one.program(*gpg, "--quick-gen-key", NASTY, "ed25519", "sign", "1y")
        exported = one.program("gpg", "--armor", "--export").out
    return Keys(certificates=read_certificates(exported.encode(), "nasty"))


def test_no_name_means_anything_to_latex(nasty: Keys) -> None:
    text = texts_of(nasty).latex
    name = text.partition("signed by ")[2].partition(", with the key")[0]
    assert r"\textbackslash{}" in name
    escaped = (r"\textbackslash{}", r"\textasciicircum{}", r"\textasciitilde{}", r"{\char34}")
    for one in (*escaped, r"\textless{}", r"\textgreater{}", r"\textbar{}", "-{}"):
        name = name.replace(one, "")
    assert not re.search(r"(?<!\\)[{}$&#%_]|[\\^~\"<>|](?![{}$&#%_])|--", name)


def test_no_name_means_anything_to_markdown(nasty: Keys) -> None:
    texts = texts_of(nasty)
    for text in (texts.markdown, texts.readme):
        name = text.partition("signed by ")[2].partition(", with")[0].partition(". Compare")[0]
        assert "\\<b\\>" in name
        assert not re.search(r"(?<!\\)(?:\\\\)*[`*_{}\[\]<>#!|~&:$]", name)


@pytest.mark.heavy
def test_the_citation_is_valid_whatever_the_name(
    nasty: Keys, author: Signer, account: Account, need: Need
) -> None:
    need("cffconvert")
    head = (
        'cff-version: 1.2.0\nmessage: "Please cite."\ntitle: "Climate"\n'
        'authors:\n  - family-names: "Author"\n'
    )
    pem = account.ok("keygen", "--store", "pem", "--no-passphrase", "--json").json["fingerprint"]
    for snippet in (
        texts_of(nasty).citation_cff,
        publish(author, "--text", "--json").json["text"]["citation_cff"],
        account.ok("key", "publish", pem, "--text", "--json").json["text"]["citation_cff"],
    ):
        (account.home / "CITATION.cff").write_text(head + snippet, encoding="utf-8")
        account.program("cffconvert", "--validate")
    (account.home / "CITATION.cff").write_text(head + "identifiers: [1]\n", encoding="utf-8")
    assert account.program("cffconvert", "--validate", check=False).status
