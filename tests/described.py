"""An author with a PEM key who signs images with what they were made from, and a reader.

`PARTS` is what a manifest may say, `XEON` and `LAPTOP` are two machines."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from repro_sign import (
    Engine,
    ImageReport,
    KeyRequest,
    Locations,
    Sealer,
    SignRequest,
    Store,
    TrustPolicy,
    VerifyRequest,
    find_locations,
    generate_key,
    pick_key,
    prepare,
    sign_image,
    signing_keys,
    verify_image,
)
from repro_sign.examining.beside import by_signer, find_manifests
from repro_sign.examining.surroundings import Surroundings
from repro_sign.report import as_json, as_text

COMMIT = "3f2a" * 10
SOURCE: Mapping[str, Any] = {
    "url": "https://git.example/ada/climate.git",
    "commit": COMMIT,
    "commit_signed": True,
    "tag": {"name": "v1.0", "annotated": True, "signed": True},
    "clean": True,
    "swhid": {"directory": f"swh:1:dir:{'b' * 40}"},
}
PARTS: Mapping[str, Mapping[str, Any]] = {
    "source": SOURCE,
    "dependencies": {
        "files": [
            {"kind": "pip", "path": "requirements.txt", "sha256": "0" * 64, "unpinned": ["numpy"]},
            {"kind": "conda", "path": "env.yml", "sha256": "0" * 64, "unpinned_count": 1200},
        ]
    },
    "recipe": {
        "base": {"reference": "docker.io/library/python:3.11.9", "digest": f"sha256:{'c' * 64}"},
        "os": {"name": "Debian GNU/Linux", "version": "12"},
        "libc": {"name": "glibc", "version": "2.36"},
    },
    "run": {
        "command": ["python", "run.py", "--grid", "5"],
        "seed": "42",
        "environment": {"OMP_NUM_THREADS": "8"},
        "options": [{"option": "--nv", "remark": "opens the host's driver"}],
    },
}
XEON: Mapping[str, Any] = {
    "kernel": {"name": "Linux", "release": "5.15.0-105-generic", "architecture": "x86_64"},
    "os": {"name": "Ubuntu", "version": "22.04"},
    "libc": "glibc 2.35",
    "cpu": {
        "vendor": "GenuineIntel",
        "model": "Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz",
        "family": "6",
        "model_number": "85",
        "cores": 40,
        "flags": ["sse2", "avx", "avx2", "fma", "avx512f", "avx512dq"],
    },
    "memory_bytes": 200 << 30,
    "gpus": [{"name": "NVIDIA A100-SXM4-40GB", "driver": "535.104.05"}] * 4,
    "mpi": "mpirun (Open MPI) 4.1.2",
    "apptainer": "1.3.0",
}
LAPTOP: Mapping[str, Any] = {
    **XEON,
    "kernel": {"name": "Linux", "release": "5.4.0-1-amd64", "architecture": "x86_64"},
    "cpu": {
        "vendor": "AuthenticAMD",
        "model": "AMD Ryzen 7 5800U",
        "family": "25",
        "model_number": "80",
        "cores": 16,
        "flags": ["sse2", "avx", "avx2", "fma"],
    },
    "memory_bytes": 16 << 30,
    "gpus": [],
}


@dataclass(frozen=True)
class Describer:
    """Somebody with a key of their own, in a home of their own."""

    where: Locations
    sealer: Sealer

    @classmethod
    @contextmanager
    def new(cls) -> Iterator["Describer"]:
        """Make one."""
        home = Path(tempfile.mkdtemp(prefix="rs-"))
        try:
            with pytest.MonkeyPatch.context() as patch:
                for name in ("XDG_CONFIG_HOME", "GNUPGHOME", "APPTAINER_KEYSDIR"):
                    patch.delenv(name, raising=False)
                patch.setenv("HOME", str(home))
                where, now = find_locations(), datetime.now(UTC)
            made = generate_key(KeyRequest("", "", store=Store.PEM, out=home), where, now)
            key = pick_key(signing_keys(where), str(made.fingerprint), now)
            yield cls(where, prepare(key, where, None))
        finally:
            shutil.rmtree(home, ignore_errors=True)

    @property
    def fingerprint(self) -> str:
        """The key, as a reader names it."""
        return str(self.sealer.signer)

    def sign(self, image: Path, parts: Mapping[str, Mapping[str, Any]]) -> None:
        """Write a manifest with these parts, and no others; leave the image as it is."""
        before = by_signer(find_manifests(image), self.sealer.signer)
        if before is not None:
            before.unlink()
        sign_image(image, self.sealer, SignRequest(provenance=parts, touch_image=False))

    def verify(
        self, image: Path, *others: "Describer", require_same: str = "", **around: Any
    ) -> ImageReport:
        """Verify an image as somebody who trusts this person, and the others."""
        return self.verify_around(image, Surroundings(**around), *others, require_same=require_same)

    def verify_around(
        self, image: Path, around: Surroundings, *others: "Describer", require_same: str = ""
    ) -> ImageReport:
        """Verify an image in the surroundings of a reader."""
        trusted = dict.fromkeys((one.sealer.signer for one in (self, *others)), "--signer")
        policy = TrustPolicy(trusted, require_same=frozenset(require_same.split()))
        request = VerifyRequest(policy, engine=Engine.NATIVE, where=self.where, surroundings=around)
        return verify_image(image, request)


def shown(report: ImageReport, *, all_of_it: bool = False) -> str:
    """Return the report as text, each line's blanks made one."""
    text = as_text.image(report, all_of_it=all_of_it)
    return "\n".join(" ".join(line.split()) for line in text.splitlines())


def told(report: ImageReport) -> Any:
    """Return the report as JSON."""
    return as_json.image(report)


def codes(report: ImageReport) -> list[str]:
    """Return the codes of the reasons."""
    return [reason.code for reason in report.verdict.reasons]


def noted(report: ImageReport) -> set[str]:
    """Return the codes of the notes."""
    return {note.code for note in report.verdict.notes}
