"""A key as text to paste: for the paper, the README, and CITATION.cff."""

from typing import Final

from repro_sign.fingerprint import Fingerprint, SignerId
from repro_sign.known_keys import Keys
from repro_sign.publishing.markup import latex, markdown, plain, yaml
from repro_sign.values import dataclass

_OPENPGP_URI: Final = "openpgp4fpr:"
"""Names an OpenPGP key by its fingerprint; key managers open it."""


@dataclass(frozen=True, slots=True)
class KeyTexts:
    """The same said in each form."""

    latex: str
    markdown: str
    plain: str
    citation_cff: str
    readme: str


def texts_of(keys: Keys) -> KeyTexts:
    """Return the texts for the one key in `keys`."""
    fingerprint = keys.signers[0]
    user_id = keys.certificates[0].user_id if keys.certificates else None
    command = f"repro-sign verify IMAGE.sif --signer {fingerprint}"
    return KeyTexts(
        latex=_latex(fingerprint, user_id, command),
        markdown=_markdown(fingerprint, user_id, command),
        plain=_plain(fingerprint, user_id, command),
        citation_cff=_citation(fingerprint, user_id),
        readme=_readme(fingerprint, user_id, command),
    )


def _latex(fingerprint: SignerId, user_id: str | None, command: str) -> str:
    by = f" by {latex(user_id)}" if user_id else ""
    return (
        "\\begin{quote}\n"
        f"The container images of this paper are signed{by}, with the key of fingerprint\\\\\n"
        f"\\texttt{{{latex(fingerprint.grouped())}}}.\\\\\n"
        f"To check an image: \\texttt{{{latex(command)}}}\n"
        "\\end{quote}\n"
    )


def _markdown(fingerprint: SignerId, user_id: str | None, command: str) -> str:
    by = f" by {markdown(user_id)}" if user_id else ""
    return (
        f"The container images are signed{by}, with the key of fingerprint\n"
        f"`{fingerprint.grouped()}`.\n"
        f"To check an image: `{command}`\n"
    )


def _plain(fingerprint: SignerId, user_id: str | None, command: str) -> str:
    by = f" by {plain(user_id)}" if user_id else ""
    return (
        f"The container images are signed{by}, with the key of fingerprint\n"
        f"{fingerprint.grouped()}.\n"
        f"To check an image: {command}\n"
    )


def _citation(fingerprint: SignerId, user_id: str | None) -> str:
    """Return an entry of `identifiers` (Citation File Format 1.2.0)."""
    by = f" of {user_id}" if user_id else ""
    openpgp = isinstance(fingerprint, Fingerprint)
    value = f"{_OPENPGP_URI}{fingerprint}" if openpgp else str(fingerprint)
    return (
        "identifiers:\n"
        "  - type: other\n"
        f"    value: {yaml(value)}\n"
        f"    description: {yaml(f'Key{by} that signs the container images')}\n"
    )


def _readme(fingerprint: SignerId, user_id: str | None, command: str) -> str:
    by = f" by {markdown(user_id)}" if user_id else ""
    return (
        "## Check the images\n"
        "\n"
        f"They are signed{by}. Compare this fingerprint with the one in the paper:\n"
        f"`{fingerprint.grouped()}`\n"
        "\n"
        f"    {command}\n"
    )
