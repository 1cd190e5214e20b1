"""What `sign` finds out of an image's making, held against what other programs say of it."""

import getpass
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from repro_sign.provenance.parts import read_schema
from repro_sign.provenance.source import shareable
from tests.account import Account, Signer
from tests.conftest import Need
from tests.forge import siftool
from tests.repositories import Checkout

TOKEN = "ghp_" + "0123456789abcdefghij" * 2
REQUIREMENTS = "numpy==2.1.3\nscipy>=1.10  # newer is fine\npandas\n-e .\n"


@pytest.fixture
def checkout(tmp_path: Path, base_image: Path, need: Need) -> Checkout:
    """Give a repository with lists of dependencies, in whose `build` an image lies."""
    need("git")
    one = Checkout.new(tmp_path / "climate")
    one.commit("requirements.txt", REQUIREMENTS)
    one.commit("Cargo.lock", 'version = 3\n[[package]]\nname = "ndarray"\nversion = "0.16.1"\n')
    one.commit("Cargo.toml", '[dependencies]\nndarray = "0.16"\n')
    one.commit(".gitignore", "build/\n")
    one.git("tag", "--annotate", "--message", "as published", "v2.0")
    one.git("remote", "add", "origin", f"https://ada:{TOKEN}@git.example/ada/climate.git")
    (one.top / "build").mkdir()
    shutil.copy(base_image, one.top / "build" / "climate.sif")
    return one


@pytest.fixture
def own(checkout: Checkout) -> Path:
    """Give the image in the repository."""
    return checkout.top / "build" / "climate.sif"


def told(image: Path) -> dict[str, Any]:
    """Return what the manifest beside an image says of its making, and hold it to the schema."""
    text = image.with_name(f"{image.name}.manifest.asc").read_text()
    document = json.loads(text[text.index("{") : text.rindex("}") + 1])
    jsonschema.validate(document, read_schema())
    found: dict[str, Any] = document["predicate"]
    return found


def shown(account: Account, *arguments: str | Path) -> dict[str, Any]:
    """Return what `sign --dry-run` would have the manifest say."""
    found: dict[str, Any] = account.ok("sign", "--dry-run", "--json", *arguments).json["images"][0]
    return dict(found["provenance"])


def test_the_source_is_what_git_says_it_is(ada: Signer, checkout: Checkout, own: Path) -> None:
    ada.sign(own)
    source = told(own)["source"]
    assert source["commit"] == checkout.head
    assert source["tag"] == {"name": "v2.0", "annotated": True, "signed": False}
    assert source["clean"] is True
    assert "changed" not in source
    assert checkout.git("status", "--porcelain") == ""
    assert source["url"] == "https://git.example/ada/climate.git"
    assert source["swhid"] == {
        "revision": f"swh:1:rev:{checkout.head}",
        "directory": f"swh:1:dir:{checkout.git('rev-parse', 'HEAD^{tree}')}",
    }


def test_a_dirty_checkout_is_called_dirty_as_git_does(
    account: Account, checkout: Checkout, own: Path
) -> None:
    (checkout.top / "run.py").write_text("print(3)\n")
    (checkout.top / "new\nfile").write_text("")
    (checkout.top / "build" / "ignored").write_text("")
    (checkout.top / "Cargo.toml").unlink()
    source = shown(account, own)["source"]
    assert source["clean"] is False
    changed = checkout.git("diff", "--name-only", "-z", "HEAD").split("\0")
    added = checkout.git("ls-files", "--others", "--exclude-standard", "-z").split("\0")
    assert source["changed"] == sorted(filter(None, (*changed, *added)))
    assert source["changed"] == ["Cargo.toml", "new\nfile", "run.py"]


def test_the_image_itself_makes_a_checkout_not_dirty(ada: Signer, checkout: Checkout) -> None:
    own = Path(shutil.copy(checkout.top / "build" / "climate.sif", checkout.top / "climate.sif"))
    ada.sign(own)
    assert told(own)["source"]["clean"] is True
    ada.sign(own, "--source", checkout.top)  # the manifest lies there now
    assert told(own)["source"]["clean"] is True
    shutil.copy(own, checkout.top / "climate.sif.old")
    ada.sign(own, "--source", checkout.top)
    assert told(own)["source"]["changed"] == ["climate.sif.old"]


def test_what_is_not_pinned_is_named(account: Account, checkout: Checkout, own: Path) -> None:
    files = {one["path"]: one for one in shown(account, own)["dependencies"]["files"]}
    assert set(files) == {"requirements.txt", "Cargo.lock", "Cargo.toml"}
    assert files["requirements.txt"]["unpinned"] == ["scipy>=1.10", "pandas"]
    assert files["Cargo.toml"]["unpinned"] == []  # its lock file lies beside
    for name, one in files.items():
        assert one["sha256"] == hashlib.sha256((checkout.top / name).read_bytes()).hexdigest()


def test_the_machine_is_what_other_programs_say(account: Account, image: Path, need: Need) -> None:
    need("uname", "lscpu")
    machine = shown(account, image)["environment"]
    uname = subprocess.run(["uname", "-srm"], check=True, capture_output=True, text=True)
    kernel = machine["kernel"]
    assert f"{kernel['name']} {kernel['release']} {kernel['architecture']}" == uname.stdout.strip()
    asked = subprocess.run(["lscpu", "--json"], check=True, capture_output=True, text=True)
    lscpu = {row["field"].rstrip(":"): row["data"] for row in _rows(json.loads(asked.stdout))}
    assert machine["cpu"]["model"] == lscpu["Model name"]
    assert machine["cpu"]["cores"] == int(lscpu["CPU(s)"])
    assert set(machine["cpu"]["flags"]) <= set(lscpu["Flags"].split())
    assert ("avx2" in machine["cpu"]["flags"]) is ("avx2" in lscpu["Flags"].split())
    assert machine["os"]["name"] == platform.freedesktop_os_release()["NAME"]


def _rows(document: Any) -> Iterator[dict[str, Any]]:
    for row in document["lscpu"]:
        yield from _flat(row)


def _flat(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield row
    for child in row.get("children", ()):
        yield from _flat(child)


def test_nothing_private_is_told(ada: Signer, checkout: Checkout, own: Path) -> None:
    (checkout.top / "run.py").write_text("changed\n")
    account = ada.account.with_variables(
        GITHUB_TOKEN=TOKEN, USER="leonardo", LOGNAME="leonardo", AWS_PROFILE="institute"
    )
    account.ok("sign", own, "--command", "apptainer run climate.sif")
    text = json.dumps({name: told(own)[name] for name in told(own) if name != "signer"})
    hidden = (TOKEN, "leonardo", "institute", str(ada.account.home), str(checkout.top))
    for secret in (*hidden, getpass.getuser() + "@"):
        assert secret not in text
    assert not re.search(rf"(?<!\w){re.escape(platform.node())}(?!\w)", text)


def test_signing_again_keeps_what_the_manifest_says(
    ada: Signer, checkout: Checkout, own: Path
) -> None:
    ada.sign(own, "--seed", "1")
    manifest = own.with_name("climate.sif.manifest.asc")
    before = manifest.read_bytes()
    checkout.commit("run.py", "print(4)\n")
    assert ada.sign(own).json["images"][0]["manifest_written"] is False
    assert manifest.read_bytes() == before
    head = told(own)["source"]["commit"]
    assert head != checkout.head
    ada.sign(own, "--source", checkout.top)
    assert told(own)["source"]["commit"] == checkout.head
    assert told(own)["run"]["seed"] == "1"
    ada.sign(own, "--seed", "2")
    assert told(own)["run"]["seed"] == "2"


def test_a_dry_run_changes_nothing_and_needs_no_key(
    account: Account, image: Path, checkout: Checkout
) -> None:
    before = image.read_bytes()
    done = account.ok("sign", "--dry-run", image, "--source", checkout.top)
    assert "nothing is signed" in done.out
    assert checkout.head in done.out
    assert image.read_bytes() == before
    assert [one.name for one in image.parent.iterdir()] == ["climate.sif"]
    assert not list(account.home.iterdir())


def test_what_is_to_be_left_out_is_left_out(account: Account, own: Path) -> None:
    assert set(shown(account, own)) == {"source", "dependencies", "recipe", "environment"}
    parts = shown(account, own, "--without", "source,environment", "--without", "recipe")
    assert set(parts) == {"dependencies"}
    assert "none of source" in account.run("sign", own, "--without", "everything").err


@pytest.mark.parametrize(
    "options",
    [
        ("--source", ".", "--without", "source"),
        ("--seed", "1", "--without", "run"),
        ("--seed", "1", "--no-manifest"),
        ("--env", "no-name=1"),
        ("--env", "NOT_SET_HERE"),
        ("--env", "GITHUB_TOKEN=abc"),
        ("--command", "unclosed 'quote"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(
    account: Account, image: Path, options: tuple[str, ...]
) -> None:
    done = account.run("sign", "--dry-run", image, *options)
    assert (done.status, done.out) == (2, "")
    assert "Traceback" not in done.err


def test_the_run_is_written_down_with_a_word_on_what_is_open(
    account: Account, image: Path, tmp_path: Path
) -> None:
    (tmp_path / "table.csv").write_text("1,2\n")
    line = "apptainer exec --cleanenv --nv -B /scratch:/data --writable-tmpfs c.sif run.sh --nv"
    run = shown(
        account.with_variables(SEED="42"),
        *(image, "--command", line, "--env", "SEED", "--env", "OMP_NUM_THREADS=4"),
        *("--seed", "42", "--output", tmp_path / "table.csv"),
    )["run"]
    assert run["command"] == line.split()
    assert run["environment"] == {"SEED": "42", "OMP_NUM_THREADS": "4"}
    assert run["seed"] == "42"
    opened = [one["option"] for one in run["options"]]
    assert opened == ["--nv", "-B /scratch:/data", "--writable-tmpfs", "no --containall"]
    assert all(one["remark"] for one in run["options"])
    assert run["outputs"][0]["name"] == "table.csv"
    assert run["outputs"][0]["digest"]["sha256"] == hashlib.sha256(b"1,2\n").hexdigest()


def test_bills_of_materials_are_named_by_digest(
    account: Account, image: Path, tmp_path: Path
) -> None:
    given, inside = tmp_path / "bom.json", tmp_path / "inside.json"
    given.write_text('{"bomFormat": "CycloneDX", "specVersion": "1.6"}')
    inside.write_text('{"spdxVersion": "SPDX-2.3"}')
    siftool("add", "--datatype", "9", "--sbomformat", "spdx-json", "--groupid", "1", image, inside)
    found = shown(account, image, "--sbom", given)["dependencies"]["sboms"]
    assert found == [
        {"format": "cyclonedx", "name": "bom.json", "sha256": _sha256(given)},
        {"format": "spdx", "object": 4, "sha256": _sha256(inside)},
    ]
    given.write_text("{}")
    assert (
        "neither CycloneDX nor SPDX" in account.run("sign", "--dry-run", image, "--sbom", given).err
    )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def build(folder: Path, sandbox: Path) -> Path:
    """Build an image of a folder with the real Apptainer, by a definition file of two stages."""
    recipe, image = folder / "climate.def", folder / "climate.sif"
    recipe.write_text(
        f"Bootstrap: localimage\nFrom: {sandbox}\n\n%labels\n  Maintainer Ada\n  Version 1.0\n"
        "\n%environment\n  export LC_ALL=C\n\n%runscript\n  exec /bin/true\n"
    )
    subprocess.run(
        ["apptainer", "build", "--force", image, recipe],
        check=True,
        capture_output=True,
        timeout=120,
        env={**os.environ, "HOME": str(folder), "APPTAINER_CACHEDIR": str(folder / "cache")},
    )
    return image


def test_the_recipe_names_base_labels_builder_and_the_system_inside(
    account: Account, tmp_path: Path, need: Need
) -> None:
    need("apptainer", "mksquashfs", "ldd")
    sandbox = tmp_path / "base"
    for name in ("usr/lib/x86_64-linux-gnu", "etc", "bin", "proc", "sys", "dev", "tmp"):
        (sandbox / name).mkdir(parents=True)
    (sandbox / "lib").symlink_to("usr/lib")
    (sandbox / "usr/lib/os-release").write_text('NAME="Debian GNU/Linux"\nVERSION_ID="12"\n')
    (sandbox / "etc/os-release").symlink_to("../usr/lib/os-release")
    libc = next(Path("/").glob("lib/*/libc.so.6"), None) or Path("/lib64/libc.so.6")
    shutil.copy(libc, sandbox / "usr/lib/x86_64-linux-gnu/libc.so.6")
    image = build(tmp_path, sandbox)
    recipe = shown(account, image)["recipe"]
    assert recipe["os"] == {"name": "Debian GNU/Linux", "version": "12"}
    version = subprocess.run(["ldd", "--version"], check=True, capture_output=True, text=True)
    assert recipe["libc"] == {
        "name": "glibc",
        "version": version.stdout.splitlines()[0].rpartition(" ")[2],
    }
    assert recipe["base"] == {"reference": "localimage:base"}
    assert recipe["labels"]["Maintainer"] == "Ada"
    program = subprocess.run(["apptainer", "--version"], check=True, capture_output=True, text=True)
    assert program.stdout.split()[-1].startswith(recipe["built_with"])
    assert recipe["built"].endswith("Z")
    assert "%runscript" in recipe["definition"]
    assert {one["code"] for one in recipe["lint"]} >= {"base-local"}


def test_a_damaged_file_system_is_said_and_stops_nothing(ada: Signer, image: Path) -> None:
    data = bytearray(image.read_bytes())
    start = data.index(b"hsqs")
    data[start + 40 : start + 96] = bytes(56)
    image.write_bytes(data)
    done = ada.sign(image)
    assert "will not say which system is in it" in done.err
    assert "os" not in told(image)["recipe"]


def test_a_repository_that_wants_to_run_programs_runs_none(
    account: Account, checkout: Checkout, own: Path, tmp_path: Path
) -> None:
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\ncat\n")
    trap.chmod(0o755)
    (checkout.top / ".gitattributes").write_text("* filter=trap diff=trap\n")
    hooks = checkout.top / ".git" / "hooks"
    for name in ("post-index-change", "post-checkout", "pre-auto-gc"):
        shutil.copy(trap, hooks / name)
    for setting in (
        *("core.fsmonitor", "filter.trap.clean", "filter.trap.smudge", "diff.trap.textconv"),
        *("core.pager", "core.sshCommand", "credential.helper", "diff.external", "core.editor"),
    ):
        checkout.git("config", setting, str(trap))
    for when in ("", "changed"):
        (checkout.top / "run.py").write_text(f"{when}\n")
        assert shown(account, own)["source"]["commit"] == checkout.head
    assert not (tmp_path / "sprung").exists()


def test_without_a_commit_the_image_is_signed_and_an_asked_for_source_refused(
    ada: Signer, image: Path
) -> None:
    subprocess.run(["git", "init", "--quiet", image.parent], check=True)
    done = ada.sign(image)
    assert "will not say its source" in done.err
    assert "source" not in told(image)
    refused = ada.account.run("sign", image, "--source", image.parent)
    assert refused.status == 3
    assert "no commit" in refused.err


def test_a_folder_that_is_no_repository_has_the_id_that_git_would_give_it(
    account: Account, image: Path, tmp_path: Path, need: Need
) -> None:
    need("git")
    folder = tmp_path / "plain"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "run.sh").write_text("#!/bin/sh\n")
    (folder / "sub" / "run.sh").chmod(0o755)
    (folder / "link").symlink_to("sub/run.sh")
    source = shown(account, image, "--source", folder)["source"]
    repository = Checkout(folder)
    repository.git("init", "--quiet")
    repository.git("add", ".")
    assert source == {"swhid": {"directory": f"swh:1:dir:{repository.git('write-tree')}"}}


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        ("git@git.example:ada/climate.git", "ssh://git.example/ada/climate.git"),
        ("https://token@git.example:8443/a?private=1#x", "https://git.example:8443/a"),
        ("ssh://ada@git.example/a", "ssh://git.example/a"),
        ("/home/ada/climate", ""),
        ("../climate", ""),
        ("file:///home/ada/climate", ""),
        ("http://localhost:3000/a", ""),
        ("ada@workstation:climate.git", ""),
        ("https://[::1", ""),
    ],
)
def test_an_address_is_told_without_what_is_private(stated: str, told: str) -> None:
    assert shareable(stated) == told


def test_submodules_are_named(account: Account, checkout: Checkout, own: Path) -> None:
    inner = Checkout.new(checkout.top.parent / "inner")
    checkout.git("-c", "protocol.file.allow=always", "submodule", "add", str(inner.top), "lib")
    checkout.git("config", "-f", ".gitmodules", "submodule.lib.url", "https://u:p@git.example/lib")
    checkout.git("commit", "--quiet", "--all", "--message", "add a library")
    source = shown(account, own)["source"]
    row = {"path": "lib", "commit": inner.head, "url": "https://git.example/lib"}
    assert source["submodules"] == [row]
    assert source["clean"] is True
    (checkout.top / "lib" / "run.py").write_text("other\n")
    assert shown(account, own)["source"]["changed"] == ["lib/run.py"]
