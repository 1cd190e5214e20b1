"""What a case is: how an image is made, who is trusted, and what has to be said of it."""

from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from tests.corpus.signatures import Step

STATUS: Final = {"verified": 0, "failed": 1, "unknown": 3, "unsigned": 4, "untrusted": 5}
MANIFEST: Final = "image.sif.manifest.asc"
PEM_MANIFEST: Final = "image.sif.sigstore.json"

ODD: Final = "malformed here, whatever Apptainer does"
LAX: Final = "Apptainer reads documents less strictly"
_LEAST: Final = {"verified": "signed-by-trusted", "unsigned": "unsigned"}


@dataclass(frozen=True)
class Case:
    """One image and one question about it.

    `key` names the public keys handed over (trusted), `signer` those trusted by fingerprint,
    `beside` the certificates that are merely at hand. `codes` have to be among the codes of
    reasons and notes. `either` says why Apptainer's answer is not predicted, `gap` why it is
    predicted wrongly. `absurd` cases are examined in a child whose memory is watched.
    """

    name: str
    verdict: str
    codes: frozenset[str]
    base: str = "signed"
    steps: tuple[Step, ...] = ()
    key: tuple[str, ...] = ("ada",)
    signer: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    require: int = 1
    require_manifest: bool = False
    exact: bool = False
    expect: str = ""
    either: str = ""
    gap: str = ""
    absurd: bool = False

    @property
    def status(self) -> int:
        """The exit status of the command line."""
        return STATUS[self.verdict]


def case(name: str, says: str, *steps: Step, **settings: Any) -> Case:
    """Make a case; `says` is the verdict and codes, names of keys are one text with semicolons.

    Where nothing else is stated, the image is one that the real Apptainer built and signed with
    Ada's key, and the reader names Ada's public key.
    """
    verdict, *codes = says.split()
    for one in ("key", "signer", "beside"):
        if one in settings:
            settings[one] = tuple(filter(None, settings[one].split("; ")))
    if verdict == "verified" or not codes:
        codes.append(_LEAST[verdict])
    return Case(name, verdict, frozenset(codes), steps=steps, **settings)


unsigned = partial(case, base="unsigned")
own = partial(case, base="with manifest")
