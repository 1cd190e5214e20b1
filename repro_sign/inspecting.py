"""Use case: show what is inside an image. Decides nothing and trusts nobody."""

from dataclasses import replace
from pathlib import Path

from repro_sign.contents.digest import image_content, tree_digests
from repro_sign.digest import Digest
from repro_sign.errors import MalformedError
from repro_sign.examining import beside, comparison, integrity
from repro_sign.hashing import Progress
from repro_sign.sif.layout import DataType
from repro_sign.sif.reader import named_error, open_image
from repro_sign.statements.manifest import ImageRecord
from repro_sign.stores.certificates import gather
from repro_sign.system.locations import Locations
from repro_sign.times import utc_now
from repro_sign.trust.evidence import SignatureEvidence
from repro_sign.values import dataclass


@dataclass(frozen=True, slots=True)
class Inspection:
    """What an image is, and who claims to have signed it."""

    path: Path
    record: ImageRecord
    launch: str
    created: int
    digests: tuple[Digest, Digest]
    signatures: tuple[SignatureEvidence, ...]
    manifests: tuple[str, ...]
    definition: str | None


def inspect_image(
    path: Path,
    where: Locations,
    progress: Progress | None = None,
    *,
    content_digest: bool = False,
) -> Inspection:
    """Read an image whole and say what is in it; with `content_digest` that too, in its record.

    Raises `UnreadableError` or `MalformedError`, and `NoAnswerError` if a file system whose
    content digest is wanted can't be read.
    """
    try:
        return _inspect(path, where, progress, content_digest=content_digest)
    except MalformedError as error:
        raise named_error(path, error) from error


def _inspect(
    path: Path, where: Locations, progress: Progress | None, *, content_digest: bool
) -> Inspection:
    with open_image(path) as image:
        objects = integrity.read_signatures(image)
        digests = integrity.hash_image(image, objects, progress=progress)
        issuers = {issuer for one in objects for issuer in one.issuers}
        known = gather(where, issuers, path.parent)
        signatures = integrity.examine(image, objects, digests.ranges, known, utc_now())
        facts = comparison.facts_of(image, digests)
        record = facts.record
        if content_digest:
            content = image_content(image, tree_digests(image), digests.ranges)
            record = replace(record, content=content)
        definitions = [
            image.object_data(one).decode("utf-8", "replace")
            for one in image.objects
            if one.data_type == DataType.DEFINITION_FILE
        ]
        return Inspection(
            path=path,
            record=record,
            launch=image.header.launch.rstrip(b"\0").decode("utf-8", "replace").rstrip("\n"),
            created=image.header.created,
            digests=(facts.sha256, facts.blake3),
            signatures=signatures,
            manifests=tuple(one.name for one in beside.find_manifests(path)),
            definition=definitions[0] if definitions else None,
        )
