"""The report in a real browser: whatever the image says of itself, nothing of it comes to life."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.account import Account
from tests.agents import fingerprints, gpg
from tests.browser import DARK, Browser, listening
from tests.conftest import Need
from tests.described import PARTS, XEON, Describer
from tests.test_report import Parsed

pytestmark = pytest.mark.heavy
LONG = "x" * 3000


def payloads(url: str) -> list[str]:
    """Return what would run, load or break out where a page forgot to escape it."""
    seen = "document.title='ran'"
    return [
        f'<img src="{url}/img" onerror="{seen}">',
        f"<script>{seen};fetch('{url}/script')</script>",
        f"</title></style></textarea><script>{seen}</script>",
        f'"><svg onload="{seen}"><image href="{url}/svg"/></svg>',
        f"' onmouseover='{seen}' style='background:url({url}/css)' x='",
        f'<iframe srcdoc="&lt;img src={url}/frame&gt;"></iframe>',
        f'<link rel="stylesheet" href="{url}/link"><base href="{url}/">',
        f'<meta http-equiv="refresh" content="0;url={url}/refresh">',
        "{{ 7 * 1e40 }}{% raw %}${7 * 1e40}",
        "\u202egnp.exe\u2066 \x1b]0;title\x07 \x00\x85\u2028",
        "&lt;b&gt; &amp;#x3c;script>",
        LONG,
    ]


@pytest.fixture
def browser(tmp_path: Path, need: Need) -> Browser:
    need("chromium", "pdftotext")
    folder = tmp_path / "browser"
    folder.mkdir()
    return Browser(folder)


def hostile_key(account: Account, url: str) -> str:
    """Make a key in GnuPG whose user id is one of the payloads; gpg takes nearly any."""
    home = account.home / ".gnupg"
    home.mkdir(0o700, exist_ok=True)
    name = f"</title><img src={url}/uid onerror=document.title='ran'> {{{{ 7 * 1e40 }}}}"
    gpg(account, home, "--allow-freeform-uid", "--quick-gen-key", name, "ed25519", "sign", "1y")
    (fingerprint,) = fingerprints(account, home)
    return fingerprint


def hostile_report(
    image: Path, account: Account, author: Describer, url: str, *, changed: bool = False
) -> Path:
    """Write the report on an image all of whose words are hostile."""
    lines = payloads(url)
    text = "".join(lines[:9])
    hostile = image.with_name("<img src=x onerror=document.title='ran'>&{{7*1e40}}.sif")
    image.rename(hostile)
    for number, name in enumerate(lines[:2]):
        data = image.parent / f"data{number}"
        data.write_bytes(b"something")
        account.program(
            *("siftool", "add", hostile, data, "--datatype", "7", "--groupid", "1"),
            *("--filename", name.replace(url, "//x")[:100]),
        )
    mine = hostile_key(account, url)
    account.ok("sign", hostile, "--key", mine)
    author.sign(
        hostile,
        {
            **PARTS,
            "source": {**PARTS["source"], "url": f"https://git.example/{text}"},
            "recipe": {**PARTS["recipe"], "os": {"name": text, "version": LONG}},
            "run": {"command": lines, "environment": {"A": text}, "seed": text},
            "environment": {**XEON, "mpi": text, "gpus": [{"name": text, "driver": text}]},
        },
    )
    if changed:
        with hostile.open("r+b") as file:
            file.seek(-8, 2)
            file.write(b"changed!")
    report = image.parent / "report.html"
    trusted = ("--signer", mine, "--signer", author.fingerprint)
    account.run("verify", hostile, *trusted, "--report", report)
    return report


def elements(dom: str) -> Parsed:
    page = Parsed()
    page.feed(dom)
    return page


def test_the_trap_snaps_where_nothing_is_escaped(browser: Browser, tmp_path: Path) -> None:
    """So a page that passes below does not pass because the browser runs or loads nothing."""
    with listening() as listener:
        page = tmp_path / "careless.html"
        page.write_text(f"<title>as written</title>{payloads(listener.url)[0]}")
        assert "<title>ran</title>" in browser.dom(page)
        assert listener.asked == ["/img"]


@pytest.mark.parametrize("changed", [False, True], ids=["verified", "failed"])
def test_nothing_in_a_hostile_image_runs_or_is_loaded(
    browser: Browser,
    image: Path,
    account: Account,
    author_of_manifests: Describer,
    *,
    changed: bool,
) -> None:
    with listening() as listener:
        url = listener.url
        report = hostile_report(image, account, author_of_manifests, url, changed=changed)
        dom = browser.dom(report)
        assert listener.asked == []
    page, written = elements(dom), elements(report.read_text("utf-8"))
    assert page.tags == written.tags
    assert not {"script", "img", "svg", "iframe", "link", "base"} & set(page.tags)
    assert "<title>ran" not in dom
    assert "7e+40" not in page.text  # 7 * 1e40: no template was run
    assert f"{url}/uid" in page.text  # and yet all of it is there to be read
    assert ("failed" if changed else "verified") in page.text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u202a-\u202e\u2066-\u2069]", dom)


@pytest.mark.parametrize("width", [1280, 500])
def test_no_name_however_long_pushes_the_page_out_of_its_window(
    browser: Browser, image: Path, account: Account, author_of_manifests: Describer, width: int
) -> None:
    report = hostile_report(image, account, author_of_manifests, "http://127.0.0.1:9")
    text = report.read_text("utf-8")
    text = re.sub(r"<meta http-equiv[^>]*>", "", text, count=1)  # so that it can be measured
    # The page against its window; tables, too, which may scroll by themselves on a small screen
    measure = """
        const parts = [...document.querySelectorAll('.scroll')];
        const over = parts.map(one => one.scrollWidth - one.clientWidth);
        const page = document.documentElement.scrollWidth - innerWidth;
        document.title = Math.max(page, ...(innerWidth < 600 ? [] : over));"""
    measured = report.with_name("measured.html")
    measured.write_text(text.replace("</body>", f"<script>{measure}</script></body>"), "utf-8")
    title = re.search(
        "<title>(-?[0-9]+)</title>", browser.dom(measured, f"--window-size={width},900")
    )
    assert title, "not measured"
    assert int(title[1]) <= 0


def test_the_page_is_light_and_dark_and_prints_the_verdict(
    browser: Browser, image: Path, account: Account, author_of_manifests: Describer
) -> None:
    report = hostile_report(image, account, author_of_manifests, "http://127.0.0.1:9")
    light = browser.picture(report, "light.png", "--window-size=1000,1400")
    dark = browser.picture(report, "dark.png", "--window-size=1000,1400", DARK)
    assert light != dark
    printed = browser.printed(report)
    text = subprocess.run(["pdftotext", "-layout", printed, "-"], capture_output=True, check=True)
    assert "VERIFIED" in text.stdout.decode().upper()
    assert author_of_manifests.fingerprint.removeprefix("SHA256:")[:8] in text.stdout.decode()
