"""Reports to be filed: complete, self-contained, and inert whatever the image says of itself."""

import html.parser
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.account import Account, Signer
from tests.described import PARTS, XEON, Describer

HOSTILE = '<img src=x onerror="document.title=1">&<script>document.title=2</script>'
VOID = {"meta", "img", "br", "link", "input"}


@dataclass
class Parsed(html.parser.HTMLParser):
    """A page as a browser takes it apart."""

    tags: list[str] = field(default_factory=list)
    attributes: list[tuple[str, str]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    headings: list[int] = field(default_factory=list)
    depth: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag in ("h1", "h2", "h3"):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.depth.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.depth.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def parsed(path: Path) -> Parsed:
    page = Parsed()
    page.feed(path.read_text("utf-8"))
    page.close()
    assert page.depth == []
    return page


def report(account: Account, path: Path, *arguments: str | Path, status: int = 0) -> Path:
    done = account.run("verify", *arguments, "--report", path)
    assert done.status == status, f"{done.out}\n{done.err}"
    return path


@pytest.fixture
def described(author_of_manifests: Describer, image: Path) -> Path:
    """Give an image with a manifest that says all there is to say, some of it hostile."""
    parts = {
        **PARTS,
        "source": {**PARTS["source"], "url": f"https://git.example/{HOSTILE}"},
        "run": {"command": ["run", HOSTILE, "a|b", "`c`", "[d](javascript:e)", "\x1b[31m"]},
        "environment": {**XEON, "mpi": HOSTILE},
    }
    author_of_manifests.sign(image, parts)
    return image


def test_the_page_says_what_a_committee_files(ada: Signer, account: Account, image: Path) -> None:
    ada.sign(image, "--command", "apptainer run climate.sif", "--seed", "42")
    page = parsed(report(account, image.parent / "r.html", image, "--signer", ada.fingerprint))
    sha256 = account.verify(image, "--signer", ada.fingerprint, "--deep").json["images"][0]
    digest = sha256["digest"]["blake3"]
    grouped = " ".join(ada.fingerprint[at : at + 4] for at in range(0, 40, 4))
    for said in (
        *("verified", "Ada Author <ada@uni.example>", digest, "the whole file, every byte"),
        *("trusted: --signer", "claimed, not recorded", "seed 42", "This machine and"),
        *("gpg --verify climate.sif.manifest.asc", "sha256sum climate.sif", "Checked on 20"),
        "apptainer verify --local climate.sif",
    ):
        assert said in page.text
    assert grouped in page.text.replace("  ", " ")


def test_the_page_needs_nothing_and_runs_nothing(
    account: Account, described: Path, author_of_manifests: Describer
) -> None:
    by = ("--signer", author_of_manifests.fingerprint)
    page = parsed(report(account, described.parent / "r.html", described, *by))
    assert not {"script", "img", "link", "iframe", "object", "a", "form"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on") or name == "src"]
    assert HOSTILE in " ".join(page.texts)
    policy = dict(page.attributes)["content"]
    assert any("default-src 'none'" in value for _, value in page.attributes), policy


def test_the_page_is_in_order_for_readers_who_do_not_see_it(
    account: Account, described: Path, author_of_manifests: Describer
) -> None:
    by = ("--signer", author_of_manifests.fingerprint)
    page = parsed(report(account, described.parent / "r.html", described, *by))
    assert ("lang", "en") in page.attributes
    assert {"main", "header", "footer", "title"} <= set(page.tags)
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    steps = zip(page.headings, page.headings[1:], strict=False)
    assert all(after - before <= 1 for before, after in steps)
    assert page.tags.count("table") == page.tags.count("thead")
    assert ("scope", "col") in page.attributes
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))


def test_markdown_shows_what_is_hostile_as_text(
    account: Account, described: Path, author_of_manifests: Describer
) -> None:
    by = ("--signer", author_of_manifests.fingerprint)
    text = report(account, described.parent / "r.md", described, *by).read_text("utf-8")
    assert not re.search(r"(?<!\\)<(?!!-- report)", text)
    assert r"a\|b" in text
    assert r"\`c\`" in text
    assert r"\[d\]\(javascript\:e\)" in text
    assert "\x1b" not in text
    assert "## " in text


def test_json_is_the_document_that_is_printed(
    account: Account, described: Path, author_of_manifests: Describer
) -> None:
    by = ("--signer", author_of_manifests.fingerprint)
    path = described.parent / "r.json"
    printed = account.ok("verify", described, *by, "--json", "--report", path)
    assert json.loads(path.read_text()) == printed.json


@pytest.mark.parametrize("ending", ["html", "md"])
def test_nothing_of_an_untrusted_manifest_is_told(
    account: Account, described: Path, ending: str
) -> None:
    text = report(account, described.parent / f"r.{ending}", described, status=4).read_text("utf-8")
    assert "unsigned" in text.lower()
    assert "onerror" not in text
    assert "Made from" not in text


def test_failed_and_several_images_are_told(
    ada: Signer, account: Account, image: Path, newer_image: Path
) -> None:
    ada.sign(image)
    bad = image.with_name("bad.sif")
    data = bytearray(image.read_bytes())
    data[700_000] ^= 1
    bad.write_bytes(data)
    path = report(
        *(account, image.parent / "r.html", image.parent, "--signer", ada.fingerprint), status=1
    )
    page = parsed(path)
    assert page.headings.count(2) == 2
    assert "2 images: 1 verified, 1 failed" in page.text
    assert "What to do:" in page.text


def test_an_older_report_is_replaced_and_nothing_else_is(
    ada: Signer, account: Account, image: Path
) -> None:
    ada.sign(image)
    path = image.parent / "r.html"
    by = ("--signer", ada.fingerprint)
    report(account, path, image, *by)
    report(account, path, image, *by)
    for name in ("thesis.html", "climate.sif.manifest.asc", "key.md"):
        other = image.with_name(name)
        other.write_text("mine") if not other.exists() else None
        before = other.read_bytes()
        done = account.run("verify", image, *by, "--report", other)
        assert done.status in (1, 2)
        assert done.out == ""
        assert other.read_bytes() == before
    gone = account.run("verify", image, *by, "--report", image.parent / "none" / "r.html")
    assert (gone.status, gone.out) == (1, "")


def test_a_report_that_cannot_be_written_is_no_success(
    ada: Signer, account: Account, image: Path
) -> None:
    ada.sign(image)
    nowhere = Path("/proc/report.md")  # where not even root can make a file
    done = account.run("verify", image, "--signer", ada.fingerprint, "--report", nowhere)
    assert done.status == 3
    assert done.out.startswith("VERIFIED")
    assert "/proc" in done.err


def test_verify_writes_the_report_and_nothing_else(
    ada: Signer, account: Account, image: Path
) -> None:
    ada.sign(image)
    before = {one.name for one in image.parent.iterdir()}
    report(account, image.parent / "r.html", image, "--signer", ada.fingerprint)
    assert {one.name for one in image.parent.iterdir()} == before | {"r.html"}
