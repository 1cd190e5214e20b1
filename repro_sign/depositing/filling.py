"""Fill the folder of a deposit: nothing goes in that the manifests or the caller did not name."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from repro_sign.depositing.request import DepositedFile, DepositRequest
from repro_sign.errors import MalformedError, RefusedError, UnreadableError
from repro_sign.escaping import printable
from repro_sign.examining import beside, revealed
from repro_sign.finding import Finding
from repro_sign.fingerprint import SignerId
from repro_sign.known_keys import KnownKeys
from repro_sign.provenance.commit_files import (
    CommitFile,
    read_commit,
    read_commit_text,
    read_contents,
)
from repro_sign.provenance.deposit_check import listed_dependencies
from repro_sign.provenance.deposit_layout import (
    COMMIT,
    CRATE,
    DEPENDENCIES,
    KEYS,
    README,
    RESULTS,
    SOURCE,
)
from repro_sign.provenance.git import GitFolder
from repro_sign.provenance.made_from import read_source
from repro_sign.provenance.output_check import claimed_outputs
from repro_sign.provenance.source import find_repository
from repro_sign.provenance.source_archive import write_archive
from repro_sign.statements import notice_files
from repro_sign.statements.manifest import Manifest
from repro_sign.stores.certificates import own_copy
from repro_sign.system.copying import copy_content
from repro_sign.system.files import open_regular
from repro_sign.verifying import ImageReport

_TAKEN: Final = (README, CRATE, SOURCE, COMMIT)


class Filling:
    """A folder on its way to become a deposit: `files` are in it, `remarks` say what is not."""

    def __init__(self, report: ImageReport, request: DepositRequest, folder: Path) -> None:
        self.files: list[DepositedFile] = []
        self.remarks: list[str] = []
        self._report = report
        self._request = request
        self._folder = folder
        self._image = report.path
        self._manifests = [one.manifest for one in report.believed if one.manifest]

    def fill(self) -> None:
        """Copy and write everything but the texts that describe it.

        Raises `RefusedError` or `UnreadableError`.
        """
        self._copy(self._image, self._image.name, "the container image", link=self._request.link)
        self._copy_statements()
        self._write_keys()
        for manifest in self._manifests:
            for subject in manifest.subjects[1:]:
                self._copy_companion(subject.name)
        self._write_source()
        self._copy_results()

    def write(self, name: str, data: bytes, what: str) -> None:
        """Write a file of the deposit. Raises `RefusedError` if it has one of that name."""
        path = self._place(name)
        with path.open("xb") as file:
            file.write(data)
        self.files.append(DepositedFile(name, what))

    def _place(self, name: str) -> Path:
        path = self._folder / name
        if os.path.lexists(path):
            raise RefusedError(
                f"two files of the deposit would be called {printable(name)}",
                hint="sign it under another name: repro-sign sign --manifest-only --with FILE",
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _copy(self, source: Path, name: str, what: str, *, link: bool = False) -> None:
        path = self._place(name)
        if link:
            os.link(os.path.realpath(source), path)
        else:
            descriptor = open_regular(source, os.O_RDONLY)
            try:
                with path.open("xb") as file:
                    size = os.fstat(descriptor).st_size
                    if not copy_content(descriptor, file.fileno(), size):
                        shown = printable(str(source))
                        raise UnreadableError(f"{shown} became shorter while it was copied")
            finally:
                os.close(descriptor)
        self.files.append(DepositedFile(name, what))

    def _copy_statements(self) -> None:
        """Copy the manifests of trusted signers, their timestamps, and the notices."""
        folder, image = self._image.parent, self._image.name
        for one in self._report.believed:
            self._copy(folder / one.name, one.name, "a signed manifest of the image")
            stamp = f"{one.name}.tsr"
            if (folder / stamp).is_file():
                self._copy(folder / stamp, stamp, "a timestamp of that manifest")
        for notice in self._report.evidence.notices:
            if notice_files.image_of(notice.name) == image and (folder / notice.name).is_file():
                self._copy(folder / notice.name, notice.name, "a signed notice about the image")

        for reveal in self._report.evidence.reveals:
            if reveal.finding is Finding.GOOD:
                self._copy(folder / reveal.name, reveal.name, "a half of the author's reveal")

    def _write_keys(self) -> None:
        known = KnownKeys()
        for file in revealed.read_beside(self._image):
            known.add(file.keys, "reveal")
        known.add(self._request.verify.given, "given")
        for file in beside.read_manifests(self._image):
            known.add(file.keys, "manifest")
        for signer in self._trusted_signers():
            known.add(own_copy(self._request.verify.where, signer), "own")
            keys = known.only(signer)
            for certificate in keys.certificates:
                data = certificate.armored.encode()
                self.write(f"{KEYS}/{signer.file_name}", data, "a public key that signed")
            for key in keys.public_keys:
                self.write(
                    f"{KEYS}/{signer.file_name}", key.pem.encode(), "a public key that signed"
                )

    def _trusted_signers(self) -> list[SignerId]:
        evidence, policy = self._report.evidence, self._report.policy
        signed = {one.signer for one in evidence.signatures}
        signed |= {one.signer for one in self._report.believed}
        signed |= {one.signer for one in evidence.reveals}
        return sorted((one for one in signed if one and policy.why(one)), key=str)

    def _copy_companion(self, name: str) -> None:
        source = self._image.parent / name
        if name in _TAKEN or name.startswith(f"{KEYS}/"):
            raise RefusedError(
                f"the manifest names a file {printable(name)}, and a deposit has one of its own",
                hint="sign it under another name: repro-sign sign --manifest-only --with FILE",
            )
        if os.path.lexists(self._folder / name):
            return  # another manifest names it too; whether it is the same is checked at the end
        if os.path.lexists(source):
            self._copy(source, name, "named in the manifest")
        else:
            self.remarks.append(f"{printable(name)} is named in the manifest, and is not here")

    def _write_source(self) -> None:
        described = next((one for one in self._manifests if one.provenance.get("source")), None)
        if "source" in self._request.without:
            return
        if described is None:
            self.remarks.append("no manifest of yours names a source: none is deposited")
            return
        commit = read_source(described.provenance["source"]).commit
        if commit is None:
            self.remarks.append(
                "the manifest names no commit, so the source is not deposited:"
                " name an archive of it with sign --with"
            )
            return
        repository = self._repository(commit)
        try:
            text = read_commit_text(repository, commit)
            files = read_commit(repository, commit)
            with self._place(SOURCE).open("xb") as file:
                write_archive(repository, commit, text, file)
        except MalformedError as error:
            raise RefusedError(
                f"the signed commit {commit} can't be deposited: {error}",
                hint="git fetch may bring what is missing; --without source leaves it out",
            ) from error
        self.files.append(DepositedFile(SOURCE, "the source: the files of the signed commit"))
        self.write(COMMIT, text, "that commit as git keeps it, which names what is in the archive")
        if "dependencies" not in self._request.without:
            self._write_dependencies(repository, described, files)

    def _repository(self, commit: str) -> GitFolder:
        named = self._request.source
        top = named or find_repository(self._image.resolve().parent)
        if top is None or not os.path.lexists(top / ".git"):
            where = f"{printable(str(named))} is no checkout" if named else "no checkout is around"
            raise RefusedError(
                f"the source is commit {commit}, and {where}",
                hint="--source FOLDER names a checkout; --without source leaves it out",
            )
        return GitFolder(top)

    def _write_dependencies(
        self, repository: GitFolder, manifest: Manifest, files: Mapping[bytes, CommitFile]
    ) -> None:
        listed = dict(listed_dependencies(manifest.provenance.get("dependencies", {})))
        wanted = {name.encode(): files[name.encode()] for name in listed if name.encode() in files}
        for path, data in read_contents(repository, wanted):
            name = path.decode()
            if hashlib.sha256(data).hexdigest() == listed[name]:
                self.write(f"{DEPENDENCIES}/{name}", data, "a list of dependencies")
                del listed[name]
        for name in listed:
            self.remarks.append(f"{printable(name)} is in the commit not as it was signed")

    def _copy_results(self) -> None:
        claims = [claimed_outputs(one.provenance.get("run", {})) or () for one in self._manifests]
        names = sorted({one.name for claimed in claims for one in claimed})
        if not names or "results" in self._request.without:
            return
        if self._request.results is None:
            self.remarks.append(f"no result files: --outputs FOLDER says where {names[0]} lies")
            return
        for name in names:
            source = self._request.results / name
            self._copy(source, f"{RESULTS}/{name}", "a result that the image is said to produce")
