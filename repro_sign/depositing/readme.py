"""The README of a deposit: what lies in it, the one command, and how to check it by hand."""

from collections.abc import Iterator

from repro_sign.citing.cited import Cited, Particulars
from repro_sign.depositing.filling import Filling
from repro_sign.provenance.deposit_layout import COMMIT, KEYS, RESULTS, SOURCE
from repro_sign.publishing.markup import markdown
from repro_sign.report.page.by_hand import steps
from repro_sign.verifying import ImageReport


def readme(cited: Cited, more: Particulars, filling: Filling, report: ImageReport) -> str:
    """Return the text, in Markdown."""
    return "\n".join((*_head(cited, more), *_files(filling), *_by_hand(report, filling), ""))


def _head(cited: Cited, more: Particulars) -> Iterator[str]:
    yield f"# {markdown(more.title or f'A container image: {cited.name}')}"
    yield ""
    if more.authors:
        yield f"By {', '.join(map(markdown, more.authors))}."
        yield ""
    yield "A container image with the source that it was made from and what checks them, signed."
    yield ""
    yield "## Check it"
    yield ""
    yield "With repro-sign, in this folder:"
    yield ""
    yield f"    {cited.command}"
    yield ""
    yield (
        "Compare the fingerprint with the one in the paper: this text is signed by nobody, and"
        " whoever changed the image could have changed it too."
    )
    yield ""
    yield f"- SHA-256 of the image: `{cited.sha256.hex}`"
    yield f"- image identity, the same after further signatures: `{cited.identity}`"
    if cited.source and cited.source.commit:
        url = f" of {markdown(cited.source.url)}" if cited.source.url else ""
        tag = f", tag {markdown(cited.source.tag.name)}" if cited.source.tag else ""
        yield f"- source: commit `{cited.source.commit}`{url}{tag}"


def _files(filling: Filling) -> Iterator[str]:
    yield ""
    yield "## What is here"
    yield ""
    yield "| File | |"
    yield "|---|---|"
    for one in filling.files:
        yield f"| {markdown(one.path)} | {markdown(one.what)} |"
    for remark in filling.remarks:
        yield ""
        yield f"Not here: {markdown(remark)}."


def _by_hand(report: ImageReport, filling: Filling) -> Iterator[str]:
    yield ""
    yield "## Check it by hand"
    yield ""
    yield f"The keys named below lie in `{KEYS}/`."
    for step in steps(report):
        yield ""
        yield f"{markdown(step.title)}"
        yield ""
        yield from (f"    {command}" for command in step.commands)
        yield ""
        yield markdown(step.outcome)
    names = {one.path for one in filling.files}
    if SOURCE in names:
        yield ""
        yield "Is this the source?"
        yield ""
        yield f"    git init --quiet check && git -C check hash-object -t commit ../{COMMIT}"
        yield f"    tar -xf {SOURCE}"
        yield "    git --git-dir check/.git --work-tree source add --force --all"
        yield "    git --git-dir check/.git write-tree"
        yield ""
        yield (
            f"The first prints the commit that the manifest names, the last the tree that {COMMIT}"
            " names (where no attributes of git change files, and there are no submodules)\\."
        )
    if any(one.startswith(f"{RESULTS}/") for one in names):
        yield ""
        yield f"Are these the results? Compare `sha256sum {RESULTS}/*` with the manifest\\."
