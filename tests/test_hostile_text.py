"""Whatever text comes from outside, nothing of it is active in what a command prints or writes."""

import html
import json
import shutil
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from repro_sign.citing.forms import FORMS
from tests.hostile import (
    LOUD,
    QUIET,
    SHOWN,
    active,
    holds,
    inert,
    tags,
    tags_of_markdown,
)
from tests.hostile_world import World

pytest_plugins = ["tests.hostile_plugin"]

BY = "--signer {loud} --engine native"
AUDIT = f"audit {{site}} --database {{out}}/a.db {BY}"
VERIFY = f"verify {{site}} {BY}"
PRINTED = (
    *(
        f"verify {options} {{{image}}} {BY}"
        for options in ("--deep", "-q", "-v --color=always")
        for image in ("image", "odd", "broken", "withdrawn", "stranger")
    ),
    f"{VERIFY} --engine both",
    "verify {odd} --key {key} --expect sha256:" + "0" * 64,
    f"verify {{odd}} {BY} --source {{site}} --outputs {{site}}",
    f"verify {{odd}} {BY} --require-same kernel,cpu --require-manifest --exact",
    "verify {odd} --remember",
    "inspect {odd}",
    AUDIT,
    f"{AUDIT} -v --color=always",
    f"{AUDIT} -q",
    "compare {image} {odd}",
    "compare -v {odd} {broken}",
    "compare -v {odd}.manifest.asc {broken}.manifest.asc",
    "lint {recipe}",
    "lint -q --color=always {recipe}",
    "key list",
    "key show {loud}",
    "key show {quiet}",
    "key import {key}",
    "key fetch {loud} --from {key}",
    "key publish {loud} --text",
    "key delegate {quiet} --key {loud} --project x --until 2030-01-01 -o {out}/a.asc -v",
    "trust list",
    "trust show {loud}",
    "trust pins",
    "trust add {key} --yes",
    "trust export",
    "doctor",
    "ecl check {site} --ecl {ecl}",
    "ecl lint {ecl}",
    "sign {odd} --key {loud}",
    "sign {broken} --key {loud}",
    "sign {image} --key {loud} --dry-run --command {LOUD}",
    "sign {newer} --key {loud} --anonymous",
    "withdraw {odd} --key {loud} --reason {LOUD} --yes",
    "supersede {image} {stranger} --key {loud} --reason {LOUD}",
    "supersede {image} {odd} --key {loud} --reason {LOUD}",
    *(f"cite {{odd}} --signer {{loud}} --title {{LOUD}} --author {{QUIET}} --as {form}"
      for form in FORMS),
)  # fmt: skip
"""All but the last three rows say something of text that is not the caller's own."""
WRITTEN = (
    *(f"{VERIFY} --report {{out}}/a.{ending}" for ending in ("html", "md", "json")),
    *(f"{AUDIT} --report {{out}}/a.{ending}" for ending in ("html", "txt", "json")),
    "deposit {image} {out}/a --signer {loud} --title {LOUD} --author {QUIET} --without source",
    "trust export -o {out}/trust.toml",
    "key publish {loud} --to {out}/keys",
    "key publish {quiet} --to {out}/keys",
    "ecl generate {site} --out {out}",
    "withdraw {image} --key {loud} --reason {LOUD} --yes --out {out}",
    "supersede {image} {newer} --key {loud} --reason {LOUD} --out {out}",
)
NO_TEXT = (".db", ".sif", ".tar", "global-pgp-public")
IN_JSON = {
    f"{VERIFY} --json": LOUD,
    f"{VERIFY} --jsonl": LOUD,
    f"verify {{stranger}} {BY} --json": QUIET,
    f"verify {{odd}} {BY} --json": LOUD,
    f"{AUDIT} --json": LOUD,
    "inspect {image} --json": LOUD,
    "inspect {odd} --json": QUIET,
    "compare {odd} {broken} --json": LOUD,
    "compare {odd}.manifest.asc {broken}.manifest.asc --json": LOUD,
    "lint {recipe} --json": LOUD,
    "key list --json": QUIET,
    "key show {quiet} --json": QUIET,
    "key fetch {loud} --from {key} --json": LOUD,
    "trust show {loud} --json": LOUD,
    "ecl check {site} --ecl {ecl} --json": LOUD,
    "lint {recipe} --sarif": "",
    "trust list --json": "",
    "trust pins --json": "",
    "doctor --json": "",
    "cite {odd} --signer {loud} --title {LOUD} --json": "",
}
"""Documents, with what stands in them as it is; nothing where all is part of sentences."""
ARGUMENTS = (
    *(f"{command} {{LOUD}}" for command in ("", "verify", "inspect x", "lint", "audit", "key")),
    *(f"key {command} {{LOUD}}" for command in ("show", "export", "import", "fetch", "publish")),
    *(f"trust {command} {{LOUD}}" for command in ("add", "forget", "import", "remove", "list")),
    *(f"verify --{option} {{LOUD}} {{junk}}" for option in (
        "signer", "key", "policy", "expect", "newer-than", "engine", "jobs", "require", "report",
        "notices", "lock", "certificate", "require-same", "keyserver", "tsa-cert", "color",
    )),
    *(f"verify --{option} {{junk}} {{junk}}" for option in (
        "key", "policy", "notices", "lock", "certificate", "tsa-cert",
    )),
    *(f"{command} {{junk}}" for command in (
        "verify", "verify -@", "inspect", "compare {image}", "cite", "lock", "audit", "sign",
        "withdraw --reason x --yes", "supersede {image}", "reveal", "key import", "key restore",
        "trust add", "trust import", "ecl lint", "ecl check {image} --ecl",
    )),
    *(f"sign --{option} {{LOUD}} {{image}}" for option in (
        "key", "with", "source", "sbom", "output", "passphrase-file", "timestamp", "env",
    )),
    *(f"cite {{image}} --{option} {{LOUD}}" for option in ("as", "doi", "url")),
    *(f"keygen --name a --email a@b.example --{option} {{LOUD}}" for option in (
        "name", "email", "comment", "expires", "store", "out", "passphrase-file",
    )),
    "key fetch {loud} --keyserver {LOUD}",
    "key fetch {loud} --from {LOUD}",
    "key fetch {loud} --wkd --email {LOUD}",
    "key publish {loud} --to {junk}",
    "key publish {loud} --wkd {junk} --domain {LOUD}",
    "key publish -v {loud} --to {out}/{LOUD}",
    "-{LOUD}",
    "verify -{LOUD}",
    "verify --{LOUD}",
)  # fmt: skip
"""What a shell puts where somebody wrote `*`: names of files, as arguments of all kinds."""


@pytest.mark.parametrize("command", PRINTED)
def test_nothing_that_is_printed_is_active(world: World, tmp_path: Path, command: str) -> None:
    assert SHOWN.search(inert(world.run(command, out=tmp_path)))


@pytest.mark.parametrize("command", IN_JSON)
def test_json_holds_the_text_as_it_is(world: World, tmp_path: Path, command: str) -> None:
    result = world.run(command, out=tmp_path)
    inert(result)
    assert result.out.isascii()
    assert SHOWN.search(result.out)
    assert holds(result.out, IN_JSON[command])


def page(text: str) -> None:
    assert "<!DOCTYPE html>" in text
    assert tags(text) == []
    assert "<img" in html.unescape(text)  # it is there to be read


def markdown(text: str) -> None:
    assert tags_of_markdown(text) == []


PARSERS: Mapping[str, Callable[[str], object]] = {
    ".html": page,
    ".md": markdown,
    ".json": json.loads,
    ".toml": tomllib.loads,
}


@pytest.mark.parametrize("command", WRITTEN)
def test_nothing_that_is_written_is_active(world: World, tmp_path: Path, command: str) -> None:
    result = world.run(command, out=tmp_path)
    inert(result)
    files = [one for one in tmp_path.rglob("*") if one.is_file() and not one.name.endswith(NO_TEXT)]
    texts = {one: one.read_text(encoding="utf-8") for one in files}
    assert texts
    for path, text in texts.items():
        assert active(text) == [], path
        PARSERS.get(path.suffix, str)(text)
    assert SHOWN.search("".join(texts.values()))


@pytest.mark.parametrize("command", ARGUMENTS)
def test_no_complaint_about_a_name_is_active(world: World, tmp_path: Path, command: str) -> None:
    junk = tmp_path / f"{LOUD}.sif"
    junk.write_text(LOUD)
    result = world.run(command, out=tmp_path, junk=junk)
    inert(result, statuses=(0, 1, 2, 3))


@pytest.mark.parametrize("of", ["loud", "quiet"])
def test_a_key_names_nobody_in_comments_that_act(world: World, of: str) -> None:
    said = inert(world.run(f"key export {{{of}}}"))
    assert said.startswith("-----BEGIN PGP PUBLIC KEY BLOCK-----\nComment: ")


def test_a_lock_file_names_nobody_in_words_that_act(world: World, tmp_path: Path) -> None:
    folder = shutil.copytree(world.image.parent, tmp_path / "images")
    lock = f"lock {{folder}} --out {{folder}}/a.toml {BY.removesuffix(' --engine native')}"
    for command in (
        lock,
        f"{lock} --update --yes --json",
        f"{lock} --update --yes --url https://a.example/",
    ):
        inert(world.run(command, folder=folder))
        text = (folder / "a.toml").read_text(encoding="utf-8")
        assert active(text) == []
        (entry,) = tomllib.loads(text)["image"]
        assert SHOWN.search(entry["signers"][0]["name"])
