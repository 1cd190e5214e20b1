"""Fetching a key: only the one that was asked for, its news to everybody who has it, no trust."""

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from repro_sign.openpgp import packets
from repro_sign.openpgp.certificate import read_certificates
from tests.account import Account, Signer
from tests.conftest import Need
from tests.key_states import bare, dearmored, gpg_export, renew, revoke
from tests.servers import Authority, connect_proxy, document, free_port, redirect, small_server


@pytest.fixture
def owner(need: Need) -> Iterator[Signer]:
    """Give an author whose key a test may revoke or change."""
    need("gpg")
    with Account.new() as one:
        yield one.make_signer("Ada Author", "ada@uni.example", "gnupg")


def kept(account: Account) -> Path:
    return account.home / ".config" / "repro-sign" / "certificates"


def trusted(account: Account) -> list[str]:
    signers = account.ok("trust", "list", "--json").json["signers"]
    return [one["fingerprint"] for one in signers]


@pytest.mark.parametrize("form", ["folder", "file", "ring", "URL of a folder", "URL of a file"])
def test_a_key_comes_from_where_it_was_published(
    author: Signer, mallory: Signer, account: Account, tmp_path: Path, form: str
) -> None:
    name = f"{author.fingerprint}.asc"
    shutil.copy(author.public_key, tmp_path / name)
    ring = mallory.public_key.read_text() + author.public_key.read_text()
    (tmp_path / "ring.asc").write_text(ring)
    with small_server(document(author.public_key.read_bytes())) as server:
        places: dict[str, str | Path] = {
            "folder": tmp_path,
            "file": tmp_path / name,
            "ring": tmp_path / "ring.asc",
            "URL of a folder": f"{server.url}/keys/",
            "URL of a file": f"{server.url}/ada.asc",
        }
        place = places[form]
        done = account.ok("key", "fetch", author.fingerprint, "--from", place, "--json")
        paths = [f"/keys/{name}"] if form.endswith("folder") else ["/ada.asc"]
        assert server.paths == (paths if form.startswith("URL") else [])
    (entry,) = done.json["keys"]
    assert (entry["fingerprint"], entry["user_id"]) == (author.fingerprint, author.user_id)
    assert (entry["known"], entry["merged_into"]) == (False, ["the kept keys"])
    assert done.json["source"] == str(place)
    assert f"asking {place}" in done.err
    assert [one.name for one in kept(account).iterdir()] == [name]


def test_fetching_makes_nobody_trusted(author: Signer, account: Account, image: Path) -> None:
    author.sign(image, "--no-manifest")
    assert account.verify(image).image["reasons"][0]["code"] == "unknown-key"
    shown = account.ok("key", "fetch", author.fingerprint, "--from", author.public_key).out
    assert "Nobody is trusted by this" in shown
    assert trusted(account) == []
    result = account.verify(image)
    assert (result.status, result.image["reasons"][0]["code"]) == (5, "signer-not-trusted")
    assert account.verify(image, "--signer", author.fingerprint).status == 0


def test_a_server_that_lies_is_refused(owner: Signer, mallory: Signer, account: Account) -> None:
    with small_server(document(mallory.public_key.read_bytes())) as server:
        for source in (("--keyserver", server.url), ("--from", f"{server.url}/")):
            result = account.run("key", "fetch", owner.fingerprint, *source)
            assert result.status == 1
            assert "sent another key" in result.err
            assert "it was not taken" in result.err
    assert not kept(account).exists()


def test_a_server_that_lies_has_published_nothing(owner: Signer, mallory: Signer) -> None:
    with small_server(document(mallory.public_key.read_bytes())) as server:
        result = owner.account.run("key", "publish", owner.fingerprint, "--keyserver", server.url)
    assert (result.status, result.out) == (1, "")
    assert "sent another key" in result.err


def test_each_failure_of_a_server_has_its_sentence_and_status(
    owner: Signer, account: Account, tmp_path: Path
) -> None:
    secret = owner.account.program("gpg", "--armor", "--export-secret-keys").out.encode()
    with (
        small_server(document(b"", 404)) as empty,
        small_server(document(b"", 503)) as ill,
        small_server(document(b"<html>hello</html>")) as chatty,
        small_server(document(b"\x99\x00")) as broken,
        small_server(document(b"x" * (3 << 20))) as large,
        small_server(document(secret)) as careless,
        small_server(redirect("http://plain.example/")) as leading,
    ):
        expected = {
            empty.url: (1, f"{empty.url} does not have key {owner.fingerprint[:4]} "),
            ill.url: (3, "status 503"),
            chatty.url: (1, "sent something that is no OpenPGP key"),
            broken.url: (1, "sent something that is no readable OpenPGP key"),
            large.url: (1, "sends more than any key"),
            careless.url: (1, "hands out the SECRET key"),
            leading.url: (1, "leads to where nothing is asked"),
            f"http://127.0.0.1:{free_port()}": (3, "nobody listens at http://127.0.0.1"),
            "https://no-such-host.invalid": (3, "can't be resolved"),
            "http://keys.example": (2, "plain http is for this machine only"),
            "hkp://keys.example": (2, "plain http is for this machine only"),
            "hkps://u:p@keys.example": (2, "name or password in a web address"),
            "ldap://keys.example": (2, "is not the address of a key server"),
            "https://keys.example?a=b": (2, "is not the address of a key server"),
        }
        for url, (status, words) in expected.items():
            result = account.run("key", "fetch", owner.fingerprint, "--keyserver", url)
            assert (result.status, result.out) == (status, ""), (url, result.err)
            assert words in result.err
            assert "Traceback" not in result.err
    assert len({words for _, words in expected.values()}) > 10
    assert not kept(account).exists()


def test_each_failure_of_a_place_has_its_sentence_and_status(
    owner: Signer, mallory: Signer, account: Account, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "junk").write_text("junk")
    lying = tmp_path / "lying"
    lying.mkdir()
    shutil.copy(mallory.public_key, lying / f"{owner.fingerprint}.asc")
    for place, status, words in (
        (tmp_path / "folder", 1, f"has no {owner.fingerprint}.asc"),
        (tmp_path / "none", 3, "no such file or folder"),
        (tmp_path / "junk", 1, "is no OpenPGP key"),
        (mallory.public_key, 1, "does not hold the key"),
        (lying, 1, "sent another key"),
    ):
        result = account.run("key", "fetch", owner.fingerprint, "--from", place)
        assert (result.status, words in result.err) == (status, True), (place, result.err)


def test_calls_that_make_no_sense_are_usage_errors(owner: Signer, account: Account) -> None:
    name = owner.fingerprint
    for arguments in (
        (),
        (name, "--all"),
        (name, "--wkd", "--keyserver", "https://keys.example"),
        (name, "--from", "x", "--wkd"),
        (name, "--email", "ada@uni.example"),
        ("--all", "--wkd", "--email", "ada@uni.example"),
        (name, "--wkd"),
        (name, "--wkd", "--email", "nobody"),
        (name, "--wkd", "--email", "ada@../etc"),
        (name[-16:],),
    ):
        assert account.run("key", "fetch", *arguments).status == 2, arguments


def test_everybody_who_has_the_key_learns_that_it_is_revoked(
    owner: Signer, account: Account, tmp_path: Path
) -> None:
    for store in ("apptainer", "gnupg"):
        account.ok("key", "import", "--store", store, owner.public_key)
    account.ok("trust", "add", owner.public_key, "--yes")
    revoke(owner)
    owner.account.ok("key", "publish", owner.fingerprint, "--to", tmp_path)
    done = account.ok("key", "fetch", owner.fingerprint, "--from", tmp_path, "--json")
    (entry,) = done.json["keys"]
    assert (entry["known"], entry["revoked"]) == (True, True)
    assert [one["kind"] for one in entry["news"]] == ["revocation"]
    assert entry["merged_into"] == ["the kept keys", "Apptainer's ring", "GnuPG"]
    listed = account.program("gpg", "--list-keys", "--with-colons").out
    assert "pub:r:" in listed
    ring = (account.home / ".apptainer/keys/pgp-public").read_bytes()
    assert read_certificates(ring, "ring")[0].revoked
    again = account.ok("key", "fetch", owner.fingerprint, "--from", tmp_path)
    assert "new      nothing" in again.out
    assert "REVOKED" in again.out


def test_a_renewal_a_subkey_and_a_name_are_news(
    owner: Signer, account: Account, tmp_path: Path
) -> None:
    account.ok("key", "fetch", owner.fingerprint, "--from", owner.public_key)
    gpg = ("gpg", "--batch", "--passphrase", "")
    renew(owner, "5y")
    owner.account.program(*gpg, "--quick-add-uid", owner.fingerprint, "Ada <ada@new.example>")
    owner.account.program(*gpg, "--quick-add-key", owner.fingerprint, "ed25519", "sign", "1y")
    (path := tmp_path / "new.asc").write_bytes(gpg_export(owner))
    done = account.ok("key", "fetch", owner.fingerprint, "--from", path, "--json").json
    (entry,) = done["keys"]
    assert [one["kind"] for one in entry["news"]] == ["end", "subkey", "user-id"]
    assert entry["news"][2]["message"] == "the user id Ada <ada@new.example>"


def test_a_copy_without_its_revocation_takes_nothing_back(
    owner: Signer, account: Account, tmp_path: Path
) -> None:
    old = gpg_export(owner)
    revoke(owner)
    (tmp_path / "new.asc").write_bytes(gpg_export(owner))
    (tmp_path / "old.asc").write_bytes(old)
    for name in ("new.asc", "old.asc"):
        shown = account.ok("key", "fetch", owner.fingerprint, "--from", tmp_path / name).out
        assert "REVOKED" in shown


def test_a_pem_key_comes_from_a_folder_and_from_nobody_else(
    account: Account, tmp_path: Path
) -> None:
    with Account.new() as maker:
        made = maker.ok("keygen", "--store", "pem", "--no-passphrase", "--json").json
        fingerprint = made["fingerprint"]
        other = maker.ok("keygen", "--store", "pem", "--no-passphrase", "--json").json
        maker.ok("key", "publish", fingerprint, "--to", tmp_path)
        maker.ok("key", "publish", other["fingerprint"], "--to", tmp_path)
    done = account.ok("key", "fetch", fingerprint, "--from", tmp_path, "--json").json
    assert (done["keys"][0]["known"], done["keys"][0]["user_id"]) == (False, None)
    again = account.ok("key", "fetch", fingerprint, "--from", tmp_path)
    assert "new      nothing" in again.out
    for source in ((), ("--keyserver", "https://keys.example"), ("--wkd",)):
        result = account.run("key", "fetch", fingerprint, *source)
        assert (result.status, "OpenPGP keys only" in result.err) == (1, True)
    (wrong := tmp_path / "wrong.pub").write_bytes(
        next(
            p for p in tmp_path.glob("*.pub") if p.name != Path(made["public_key"]).name
        ).read_bytes()
    )
    result = account.run("key", "fetch", fingerprint, "--from", wrong)
    assert (result.status, "holds another key" in result.err) == (1, True)


# What a key server hands out


def test_a_key_flooded_by_strangers_is_taken_without_their_junk(
    owner: Signer, mallory: Signer, account: Account
) -> None:
    account.ok("key", "fetch", owner.fingerprint, "--from", owner.public_key)
    revoke(owner)
    mallory.account.program("gpg", "--batch", "--import", owner.public_key)
    sign = ("gpg", "--batch", "--yes", "--quick-sign-key", owner.fingerprint)
    mallory.account.program(*sign)
    exported = mallory.account.program("gpg", "--armor", "--export", owner.fingerprint).out
    parts = list(packets.iterate(dearmored(account, exported.encode())))
    by_stranger = parts[-1].whole
    ours = b"".join(one.whole for one in packets.iterate(dearmored(account, gpg_export(owner))))
    junk = b"".join([by_stranger] * 4000)
    assert len(ours + junk) > 400_000
    with small_server(document(ours + junk)) as server:
        done = account.ok("key", "fetch", owner.fingerprint, "--keyserver", server.url, "--json")
    assert done.json["keys"][0]["revoked"]
    (path,) = kept(account).iterdir()
    assert path.stat().st_size < 2000


def test_a_key_flooded_in_its_own_name_is_refused(owner: Signer, account: Account) -> None:
    parts = list(packets.iterate(dearmored(account, gpg_export(owner))))
    forged = bytearray(parts[2].body)
    junk = []
    for number in range(2500):
        forged[-8:] = number.to_bytes(8, "big")
        junk.append(packets.signature_packet(bytes(forged)))
    data = b"".join(one.whole for one in parts) + b"".join(junk)
    assert len(data) < 1 << 20
    with small_server(document(data)) as server:
        result = account.run("key", "fetch", owner.fingerprint, "--keyserver", server.url)
    assert (result.status, "sent a flooded key" in result.err) == (1, True)
    assert not kept(account).exists()


def test_a_key_without_names_tells_its_news(owner: Signer, account: Account) -> None:
    for store in ("apptainer", "gnupg"):
        account.ok("key", "import", "--store", store, owner.public_key)
    revoke(owner)
    with small_server(document(bare(account, gpg_export(owner)))) as server:
        source = ("--keyserver", server.url)
        done = account.ok("key", "fetch", owner.fingerprint, *source, "--json").json
    (entry,) = done["keys"]
    assert (entry["revoked"], entry["user_id"]) == (True, owner.user_id)
    assert entry["merged_into"] == ["the kept keys", "Apptainer's ring", "GnuPG"]
    assert "pub:r:" in account.program("gpg", "--list-keys", "--with-colons").out


def test_an_image_is_verified_with_a_key_without_names(
    owner: Signer, account: Account, image: Path
) -> None:
    owner.sign(image, "--no-manifest")
    before = bare(account, gpg_export(owner))
    with small_server(document(before)) as server:
        account.ok("key", "fetch", owner.fingerprint, "--keyserver", server.url)
    result = account.verify(image, "--signer", owner.fingerprint)
    assert (result.status, result.codes) == (0, {"signed-by-trusted", "key-since"})
    assert "without user ids" in result.image["notes"][0]["message"]
    assert result.image["engines"]["apptainer"] in (None, "failed")
    assert account.verify(image).status == 5
    revoke(owner)
    with small_server(document(bare(account, gpg_export(owner)))) as server:
        account.ok("key", "fetch", owner.fingerprint, "--keyserver", server.url)
    result = account.verify(image, "--signer", owner.fingerprint)
    assert (result.status, result.image["reasons"][0]["code"]) == (1, "key-revoked")


def test_a_nameless_key_on_a_server_leaves_its_owner_something_to_do(owner: Signer) -> None:
    served = bare(owner.account, gpg_export(owner))
    with small_server(document(served)) as server:
        command = ("key", "publish", owner.fingerprint, "--keyserver", server.url)
        shown, done = owner.account.ok(*command).out, owner.account.ok(*command, "--json").json
    assert "NOT served    the user id Ada Author <ada@uni.example>" in shown
    assert "confirm your e-mail address" in shown
    assert done["keyserver"]["user_ids"] == []
    assert done["keyserver"]["complete"]


def test_a_server_that_leaves_the_revocation_out_fails_the_publication(owner: Signer) -> None:
    old = gpg_export(owner)
    revoke(owner)
    with small_server(document(old)) as server:
        command = ("key", "publish", owner.fingerprint, "--keyserver", server.url)
        result = owner.account.run(*command, "--json")
    assert result.status == 1
    assert "WITHOUT its revocation" in result.err
    assert [one["kind"] for one in result.json["keyserver"]["missing"]] == ["revocation"]


@pytest.mark.heavy
def test_apptainer_goes_through_the_same_proxy_and_authorities(
    owner: Signer, tmp_path: Path, need: Need
) -> None:
    need("apptainer", "openssl")
    authority = Authority.make(tmp_path, "keys.example")
    served = document(owner.public_key.read_bytes())
    with (
        small_server(served, certificate=authority) as server,
        connect_proxy(server.url) as proxy,
    ):
        user = owner.account.with_variables(
            HTTPS_PROXY=proxy.url, SSL_CERT_FILE=str(authority.certificate)
        )
        command = ("key", "publish", owner.fingerprint, "--keyserver", "hkps://keys.example")
        assert user.ok(*command, "--json").json["keyserver"]["sent_by"] == "apptainer"
        assert proxy.paths == ["keys.example:443"] * 2
    assert [path.partition("?")[0] for path in server.paths] == ["/pks/add", "/pks/lookup"]


def test_an_interrupted_question_leaves_no_trace(owner: Signer, account: Account) -> None:
    def never(_: BaseHTTPRequestHandler) -> None:
        time.sleep(5)

    with small_server(never) as server:
        running = subprocess.Popen(
            account.argv("key", "fetch", owner.fingerprint, "--keyserver", server.url),
            env=account.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        while not server.paths:
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert (running.returncode, out) == (130, "")
    assert "interrupted" in err
    assert "Traceback" not in err


# All keys at once


def test_all_kept_keys_are_asked_for(
    owner: Signer, grace: Signer, account: Account, tmp_path: Path
) -> None:
    for one in (owner, grace):
        account.ok("key", "fetch", one.fingerprint, "--from", one.public_key)
    revoke(owner)
    owner.account.ok("key", "publish", owner.fingerprint, "--to", tmp_path)
    done = account.run("key", "fetch", "--all", "--from", tmp_path, "--json")
    assert done.status == 0
    entries = {one["fingerprint"]: one for one in done.json["keys"]}
    assert entries[owner.fingerprint]["revoked"]
    assert f"has no {grace.fingerprint}.asc" in entries[grace.fingerprint]["error"]
    shown = account.run("key", "fetch", "--all", "--from", tmp_path)
    assert (shown.status, "repro-sign: note: " in shown.err) == (0, True)


def test_a_dead_server_is_asked_once_and_a_lying_one_fails(
    owner: Signer, grace: Signer, account: Account
) -> None:
    for one in (owner, grace):
        account.ok("key", "fetch", one.fingerprint, "--from", one.public_key)
    dead = account.run("key", "fetch", "--all", "--keyserver", f"http://127.0.0.1:{free_port()}")
    assert (dead.status, dead.err.count("nobody listens")) == (3, 1)
    with small_server(document(grace.public_key.read_bytes())) as server:
        lying = account.run("key", "fetch", "--all", "--keyserver", server.url, "--json")
        assert len(server.paths) == 2
    assert lying.status == 1
    assert {one["error"] is None for one in lying.json["keys"]} == {True, False}


# The Web Key Directory


def test_a_key_comes_from_the_web_site_of_its_address(
    owner: Signer, account: Account, tmp_path: Path, need: Need
) -> None:
    need("openssl")
    owner.account.ok(
        *("key", "publish", owner.fingerprint, "--domain", "uni.example"), "--wkd", tmp_path
    )
    advanced, direct = sorted((path for path in tmp_path.rglob("hu/*")), key=lambda p: -len(str(p)))
    authority = Authority.make(tmp_path, "openpgpkey.uni.example", "uni.example")
    with (
        small_server(document(direct.read_bytes()), certificate=authority) as server,
        connect_proxy(server.url) as proxy,
    ):
        user = account.with_variables(
            HTTPS_PROXY=proxy.url, SSL_CERT_FILE=str(authority.certificate)
        )
        command = ("key", "fetch", owner.fingerprint, "--wkd")
        done = user.ok(*command, "--email", "Ada@UNI.example", "--json").json
        assert done["keys"][0]["user_id"] == owner.user_id
        assert proxy.paths == ["openpgpkey.uni.example:443"]
        expected = "/" + advanced.relative_to(tmp_path).as_posix() + "?l=ada"
        assert server.paths == [expected]
        user.ok(*command)
        assert len(server.paths) == 2, "the address is known by now"
        user.ok("key", "fetch", "--all", "--wkd")
        assert len(server.paths) == 3


def test_the_direct_method_is_used_where_there_is_no_host_for_the_advanced_one(
    owner: Signer, account: Account, tmp_path: Path, need: Need
) -> None:
    need("openssl")
    authority = Authority.make(tmp_path, "nowhere.example", "uni.example")
    with (
        small_server(document(owner.public_key.read_bytes()), certificate=authority) as server,
        connect_proxy(server.url) as proxy,
    ):
        user = account.with_variables(
            HTTPS_PROXY=proxy.url, SSL_CERT_FILE=str(authority.certificate)
        )
        user.ok("key", "fetch", owner.fingerprint, "--wkd", "--email", "ada@uni.example")
        assert proxy.paths == ["openpgpkey.uni.example:443", "uni.example:443"]
        assert [path.partition("/hu/")[0] for path in server.paths] == ["/.well-known/openpgpkey"]
