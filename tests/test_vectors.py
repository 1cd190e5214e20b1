"""The test vectors in docs/vectors, for other implementations.

They are held against docs/format.md's own program, against gpg and cosign, and against the library.
"""

import base64
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

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
from repro_sign.finding import Finding
from repro_sign.statements.manifest import from_bytes
from tests.account import Account
from tests.conftest import Need
from tests.programs import PROJECT

VECTORS = PROJECT / "docs" / "vectors"
NOWHERE = Locations(*[Path("/nonexistent")] * 3)


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
