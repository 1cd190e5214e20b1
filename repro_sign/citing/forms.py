"""An image cited in words: a paragraph, an artifact's form, a badge, a reference list."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from repro_sign.citing.cited import Cited, Particulars
from repro_sign.citing.records import as_cff, as_ro_crate, as_zenodo
from repro_sign.publishing.markup import latex, markdown, plain
from repro_sign.times import utc_now

_TITLE: Final = "TITLE"
_AUTHORS: Final = "AUTHORS"
_DOI: Final = "DOI"
_VERBATIM: Final = ("doi", "url")
"""Fields of an entry that are not read as LaTeX."""
_UNIT: Final = 1 << 20


def _text(cited: Cited, more: Particulars) -> str:
    return f"{' '.join(_sentences(cited, more, plain))}\n"


def _latex(cited: Cited, more: Particulars) -> str:
    def typed(text: str) -> str:
        return f"\\texttt{{{latex(text)}}}"

    return f"{' '.join(_sentences(cited, more, latex, typed))}\n"


def _sentences(
    cited: Cited,
    more: Particulars,
    escape: Callable[[str], str],
    typed: Callable[[str], str] | None = None,
) -> Iterator[str]:
    code = typed or escape
    where = f" ({escape(f'https://doi.org/{more.doi}')})" if more.doi else ""
    where = where or (f" ({escape(more.url)})" if more.url else "")
    yield f"The results were produced with the container image {code(cited.name)}{where}."
    names = [escape(name) for _, name in cited.signers if name]
    by = f" by {', '.join(names)}" if names else ""
    many = "keys of fingerprints" if len(cited.signers) > 1 else "key of fingerprint"
    yield f"It is signed{by}, with the {many} {code(cited.fingerprints)}."
    yield f"Its SHA-256 digest is {code(cited.sha256.hex)},"
    yield f"its image identity {code(str(cited.identity))}."
    source = cited.source
    if source and source.commit:
        tag = f", tag {code(source.tag.name)}" if source.tag else ""
        url = f" of {escape(source.url)}" if source.url else ""
        clean = "" if source.clean else ", with changes that no commit holds"
        yield f"It was made from commit {code(source.commit)}{url}{tag}{clean}."
    yield f"To check it: {code(cited.command)}"


def _bibtex(cited: Cited, more: Particulars) -> str:
    key = re.sub(r"[^A-Za-z0-9]+", "-", cited.name).strip("-").lower() or "image"
    when = cited.signed or utc_now()
    note = f"Container image, signed with the key {cited.fingerprints}, SHA-256 {cited.sha256.hex}"
    fields = {
        "title": more.title or _TITLE,
        "author": " and ".join(more.authors) or _AUTHORS,
        "year": f"{when.year}",
        "doi": more.doi,
        "url": more.url,
        "note": note,
    }
    given = {name: value for name, value in fields.items() if value}
    lines = [
        f"  {name} = {{{value if name in _VERBATIM else latex(value)}}},"
        for name, value in given.items()
    ]
    return "\n".join((f"@software{{{key},", *lines, "}", ""))


def _badge(cited: Cited, _: Particulars) -> str:
    """Return one line each for Markdown, reStructuredText and LaTeX; none fetches a picture."""
    key, what = cited.fingerprints, "signed container image"
    return (
        f"**{what}** {markdown(cited.name)}, key `{key}`\n"
        f"**{what}** {_rst(cited.name)}, key ``{key}``\n"
        f"\\textbf{{{what}}} {latex(cited.name)}, key \\texttt{{{latex(key)}}}\n"
    )


def _rst(text: str) -> str:
    return re.sub(r"([\\*`_|<>])", r"\\\1", plain(text))


def _appendix(cited: Cited, more: Particulars) -> str:
    """Return the fields that forms for artifacts ask for, filled in as far as that is known."""
    source, recipe = cited.source, cited.recipe
    commit = source.commit if source else None
    rows = {
        "Artifact": f"{more.title or _TITLE}, by {', '.join(more.authors) or _AUTHORS}",
        "Persistent identifier": more.doi or _DOI,
        "Where to get it": more.url or (f"https://doi.org/{more.doi}" if more.doi else "URL"),
        "Kind": "Singularity/Apptainer container image (SIF)",
        "File and size": f"{cited.name}, {-(-cited.size // _UNIT)} MiB",
        "SHA-256": cited.sha256.hex,
        "Image identity": str(cited.identity),
        "Signed with the key": cited.fingerprints,
        "Source": (source.url if source else None) or "URL OF THE SOURCE",
        "Version of the source": commit or "COMMIT OR TAG",
        "System in the image": (recipe.os if recipe else None) or "NOT KNOWN",
        "Base image": (recipe.base if recipe else None) or "NOT KNOWN",
        "Software that is needed": "Apptainer to run it; repro-sign, or gpg, to check it",
        "Hardware that is needed": "TO BE FILLED IN",
        "Time that is needed": "TO BE FILLED IN",
        "To check it": cited.command,
        "To run it": f"apptainer run {plain(cited.name)}",
        "Results to expect": "TO BE FILLED IN",
    }
    return "".join(f"{name}: {plain(value)}\n" for name, value in rows.items())


FORMS: Final[Mapping[str, Callable[[Cited, Particulars], str]]] = {
    "text": _text,
    "latex": _latex,
    "bibtex": _bibtex,
    "cff": as_cff,
    "zenodo": as_zenodo,
    "ro-crate": as_ro_crate,
    "appendix": _appendix,
    "badge": _badge,
}
"""The forms by their names; the first is meant where none is named."""


def cite(cited: Cited, form: str, more: Particulars) -> str:
    """Return a text that cites an image in one of `FORMS`, ended by a line end."""
    return FORMS[form](cited, more)
