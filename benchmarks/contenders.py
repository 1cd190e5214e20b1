"""Who is compared: each a name and a command line that checks one image."""

import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Final

from benchmarks.workshop import SignedImage, Workshop, repro_sign

UNIT: Final = "apptainer verify"
"""What all others are divided by."""
FAST: Final = "repro-sign, native, manifest"
DEEP: Final = "repro-sign, native, --deep"
ALONE: Final = "repro-sign, native, no manifest"
START: Final = "python -c pass"


def contenders(workshop: Workshop, image: SignedImage) -> Mapping[str, Sequence[str]]:
    """Return who can check this image here. All but the last lines check a signature."""
    path, key = str(image.path), str(workshop.keys["Ada"])
    verify = repro_sign("verify", "-q", "--key", key)
    found: dict[str, Sequence[str]] = {
        UNIT: ["apptainer", "verify", "--local", path],
        FAST: [*verify, "--engine", "native", path],
        "repro-sign, auto, manifest": [*verify, path],
        DEEP: [*verify, "--engine", "native", "--deep", path],
        ALONE: [*verify, "--engine", "native", str(image.alone)],
        "repro-sign, auto, no manifest": [*verify, str(image.alone)],
    }
    if image.signatures > 1:
        return found
    if "model_signing" in workshop.extra:
        public = str(workshop.folder / "model.pub")
        how = ["verify", "key", "--public_key", public, "--signature", f"{path}.model.sig"]
        found["model_signing verify"] = ["model_signing", *how, path]
    if "minisign" in workshop.extra:
        public = str(workshop.folder / "minisign.pub")
        argv = ["minisign", "-V", "-q", "-p", public, "-m", path, "-x", f"{path}.minisig"]
        found["minisign -V"] = argv
    if "gpg" in workshop.extra:
        found["gpg --verify (detached)"] = ["gpg", "--batch", "--verify", f"{path}.sig", path]
    if shutil.which("sha256sum"):
        found["sha256sum"] = ["sha256sum", path]
    if shutil.which("openssl"):
        found["openssl dgst -sha256"] = ["openssl", "dgst", "-sha256", path]
    found[START] = [sys.executable, "-c", "pass"]
    return found
