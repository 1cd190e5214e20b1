"""The commands by which a reader checks an image without repro-sign, for its own files and keys."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from repro_sign.finding import Finding
from repro_sign.fingerprint import Fingerprint, SignerId
from repro_sign.report.next_step import pasteable
from repro_sign.statements.manifest import MANIFEST_TYPE
from repro_sign.statements.signed_file import PEM_ENDING
from repro_sign.trust.evidence import ManifestEvidence
from repro_sign.values import dataclass
from repro_sign.verifying import ImageReport

_KEY: Final = "the signer's public key, from where the paper names it"
_PEM_KEY: Final = "signer.pub"


@dataclass(frozen=True, slots=True)
class Step:
    """What is done, the commands that do it, and what has to come of them."""

    title: str
    commands: tuple[str, ...]
    outcome: str


def steps(report: ImageReport) -> Iterator[Step]:
    """Yield the steps for this image: for each good manifest, and for what is inside it."""
    image = pasteable(report.path.name)
    manifests = [one for one in report.evidence.manifests if one.finding is Finding.GOOD]
    trusted = [one for one in manifests if report.policy.why(one.signer)]
    for one in trusted or manifests:
        yield from _manifest(one, image)
    good = [one for one in report.evidence.signatures if one.finding is Finding.GOOD]
    for signer in sorted({one.signer for one in good if one.signer}, key=str):
        yield _inside(signer, image, trusted=report.policy.why(signer) is not None)


def _manifest(one: ManifestEvidence, image: str) -> Iterator[Step]:
    name = pasteable(Path(one.name).name)
    if one.name.endswith(PEM_ENDING):
        yield Step(
            "Did this key sign the manifest, and is this the file?",
            (
                f"cosign verify-blob-attestation --bundle {name} --key {_PEM_KEY}"
                f" --type {MANIFEST_TYPE} --insecure-ignore-tlog {image}",
            ),
            f"“Verified OK”; {_PEM_KEY} is {_KEY}.",
        )
        return
    yield Step(
        "Did this key sign the manifest?",
        (f"gpg --import {one.signer}.asc", f"gpg --verify {name}"),
        f"“Good signature”, and the fingerprint {_grouped(one.signer)}; the file is {_KEY}.",
    )
    yield Step(
        "Is this the file?",
        (
            f"""sed -n '/"subject"/,$p' {name} | grep -E '"(name|sha256)"'""",
            f"sha256sum {image}",
        ),
        "The digest of the file is the one in the manifest, under “subject”.",
    )


def _inside(signer: SignerId, image: str, *, trusted: bool) -> Step:
    whose = "" if trusted else " (nobody here trusts it)"
    if isinstance(signer, Fingerprint):
        commands: tuple[str, ...] = (
            f"apptainer key import {signer}.asc",
            f"apptainer verify --local {image}",
        )
    else:
        commands = (f"apptainer verify --key {_PEM_KEY} {image}",)
    return Step(
        f"Did the key {_grouped(signer)}{whose} sign what is inside?",
        commands,
        "The key is named, and all objects are listed.",
    )


def _grouped(signer: SignerId | None) -> str:
    return signer.grouped() if signer else ""
