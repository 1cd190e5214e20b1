"""Downloads and clones while the image is built: whether what comes is what was meant."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from repro_sign.lint.checks.quoting import quoted
from repro_sign.lint.fetching import Download, download_of, git_call, is_check, runs_its_input
from repro_sign.lint.finding import Remark
from repro_sign.lint.packages import Pin, address_pin, git_pin
from repro_sign.lint.recipe import Addition, Recipe, Step
from repro_sign.lint.shell_command import SHELLS, program_of, unwrapped

_PLAIN_HTTP: Final = re.compile(
    r"(?:\b(?:http|ftp|git)://(?!localhost|127\.|\[::1)|^(?:http|ftp|git)://)"
)
_ADDRESS_READERS: Final = re.compile(r"pip[\d.]*|uv|git|npm|yarn|conda|mamba|micromamba")
_LIST_OF_DIGESTS: Final = re.compile(r"(?i)sums?\b|\.(?:sha\d+|md5|asc|sig|txt)$")
_NAME_END: Final = re.compile(r"[\s*/\"']+")
_UNCHECKED: Final = {
    "curl": ("-k", "--insecure"),
    "wget": ("--no-check-certificate",),
    "aria2c": ("--check-certificate=false",),
    "pip": ("--trusted-host",),
    "apt-get": ("--allow-unauthenticated", "--force-yes", "--allow-insecure-repositories"),
    "dnf": ("--nogpgcheck", "--no-gpgchecks"),
    "zypper": ("--no-gpg-checks", "--no-gpg-check", "--allow-unsigned-rpm"),
    "apk": ("--allow-untrusted",),
}
_RUNS_TEXT: Final = SHELLS | {"eval", "source", "."}
_SAME: Final = {"apt": "apt-get", "yum": "dnf", "microdnf": "dnf", "pip3": "pip", "uv": "pip"}


_Pipelines = dict[tuple[int, int], list[Step]]
"""The commands that are joined by `|`."""


def check_downloads(recipe: Recipe) -> Iterator[Remark]:
    """Judge downloads, clones and additions, stage by stage."""
    for stage in recipe.stages:
        yield from _downloads(stage.steps)
        yield from _clones(stage.steps)
        for step in stage.steps:
            yield from _switched_off(step)
            yield from _over_plain_http(step)
        for addition in stage.additions:
            yield from _addition(addition)


def _downloads(steps: Sequence[Step]) -> Iterator[Remark]:
    by_pipeline: _Pipelines = defaultdict(list)
    for step in steps:
        by_pipeline[_pipeline(step)].append(step)
    last_check, names_checked = _checks(steps, by_pipeline)
    for at, step in enumerate(steps):
        download = download_of(step.command)
        if download is None or download.checked:
            continue
        shown = quoted(download.address)
        line = step.command.line
        if _is_run_at_once(step, steps, at, by_pipeline[_pipeline(step)]):
            yield Remark("download-piped", line, f"what {shown} yields is run at once", step.start)
        elif not _is_checked(download, at, last_check, names_checked):
            message = f"{shown} is downloaded, and no digest is compared"
            yield Remark("download-unchecked", line, message, step.start)


def _pipeline(step: Step) -> tuple[int, int]:
    """Return what tells a pipeline from others: numbers begin anew in each layer."""
    return step.layer, step.command.pipeline


def _checks(steps: Sequence[Step], by_pipeline: _Pipelines) -> tuple[int, dict[str, int]]:
    """Return where the last check of files named elsewhere is, and of each name the last check."""
    last_check = -1
    names: dict[str, int] = {}
    for at, step in enumerate(steps):
        if not is_check(step.command):
            continue
        pipeline = by_pipeline[_pipeline(step)]
        texts = [" ".join(one.command.words) for one in pipeline]
        texts += [line for one in pipeline for line in one.command.stdin.split("\n")]
        names |= {name: at for text in texts for name in _NAME_END.split(text)}
        reads_list = any(map(_LIST_OF_DIGESTS.search, step.command.words[1:]))
        # Digest and name stand in this order: a variable that comes last is a name.
        if reads_list or any("$" in text.split()[-1] for text in texts if text.strip()):
            last_check = at
    return last_check, names


def _is_checked(
    download: Download, at: int, last_check: int, names_checked: dict[str, int]
) -> bool:
    if names_checked.get(download.name, -1) > at:
        return True
    # A list of digests may name any file; a file called by a variable may be any that is named.
    return last_check > at or (
        "$" in download.name and max(names_checked.values(), default=-1) > at
    )


def _is_run_at_once(step: Step, steps: Sequence[Step], at: int, pipeline: list[Step]) -> bool:
    if any(one is not step and runs_its_input(one.command) for one in pipeline):
        return True
    if not step.command.nested:
        return False
    # sh -c "$(curl …)", bash <(curl …): what stands in a command's words comes before it.
    inside = ("$(", "`", "<(")
    for one in steps[at + 1 : at + 4]:
        words = unwrapped(one.command.words)
        if program_of(words) in _RUNS_TEXT:
            return any(
                word.startswith(inside) and step.command.program in word for word in words[1:]
            )
    return False


def _clones(steps: Sequence[Step]) -> Iterator[Remark]:
    """Judge clones, each with the checkout that follows it."""
    waiting: list[tuple[Step, str]] = []
    for step in steps:
        call = git_call(step.command)
        if call is None:
            continue
        if call.verb == "clone" and call.words:
            if call.reference:
                yield from _reference(call.words[0], call.reference, step)
            else:
                waiting.append((step, call.words[0]))
        elif call.verb in ("checkout", "reset", "switch") and call.words and waiting:
            cloned, address = waiting.pop()
            yield from _reference(address, call.words[0], cloned)
    for step, address in waiting:
        yield from _reference(address, "", step)


def _reference(address: str, reference: str, step: Step) -> Iterator[Remark]:
    if "://" not in address and "@" not in address and not address.startswith("$"):
        return  # a folder of the build itself
    pin = git_pin(reference)
    shown = quoted(address)
    line = step.command.line
    if pin is Pin.GIT_MOVING:
        which = f"at {quoted(reference)}, which moves" if reference else "at no commit or tag"
        yield Remark("git-not-pinned", line, f"{shown} is cloned {which}", step.start)
    elif pin is Pin.GIT_TAG:
        message = f"{shown} is cloned at {quoted(reference)}, not at a commit"
        yield Remark("git-tag-only", line, message, step.start)


def _switched_off(step: Step) -> Iterator[Remark]:
    words = unwrapped(step.command.words)
    if not words:
        return
    program = program_of(words)
    options = _UNCHECKED.get(_SAME.get(program, program), ())
    short = program == "curl" and any(re.fullmatch(r"-[a-zA-Z]*k[a-zA-Z]*", word) for word in words)
    found = next(
        (word for word in words if word.partition("=")[0] in options or word in options), ""
    )
    if program == "git" and any("sslverify=false" in word.lower() for word in words):
        found = "http.sslVerify=false"
    if any("[trusted=yes]" in word.replace(" ", "") for word in words):
        found = "[trusted=yes]"
    if found or short:
        message = f"{quoted(program)} is told not to check ({quoted(found or '-k')})"
        yield Remark("not-authenticated", step.command.line, message, step.start)


def _over_plain_http(step: Step) -> Iterator[Remark]:
    words = unwrapped(step.command.words)
    if not words:
        return
    program = program_of(words)
    download = download_of(step.command)
    addresses = [download.address] if download else []
    if _ADDRESS_READERS.fullmatch(program):
        addresses += words[1:]
    for address in addresses:
        if _PLAIN_HTTP.search(address):
            yield Remark(
                "plain-http", step.command.line, f"{quoted(address)} is not https", step.start
            )
            break


def _addition(one: Addition) -> Iterator[Remark]:
    shown = quoted(one.address)
    pin = address_pin(one.address)
    if pin is Pin.GIT_MOVING:
        yield Remark("git-not-pinned", one.line, f"{shown} is added at no commit or tag", one.start)
    elif pin is Pin.GIT_TAG:
        yield Remark("git-tag-only", one.line, f"{shown} is added at a tag", one.start)
    elif pin is Pin.URL and not one.checked:
        message = f"{shown} is added, and no digest is compared"
        yield Remark("download-unchecked", one.line, message, one.start)
    if one.address.startswith(("http://", "ftp://", "git://")) and not one.checked:
        yield Remark("plain-http", one.line, f"{shown} is not https", one.start)
