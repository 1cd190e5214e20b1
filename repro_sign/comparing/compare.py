"""Compare two of a kind, or one of each."""

from contextlib import ExitStack
from pathlib import Path

from repro_sign.comparing.images import compare_images
from repro_sign.comparing.manifests import compare_manifests, compare_with_manifest
from repro_sign.comparing.result import Comparison
from repro_sign.comparing.sides import ImageSide, ManifestSide, open_side
from repro_sign.errors import MalformedError, NoAnswerError
from repro_sign.hashing import Progress
from repro_sign.system.locations import Locations


def compare(
    a: Path,
    b: Path,
    where: Locations,
    *,
    ignore_times: bool = False,
    progress: Progress | None = None,
) -> Comparison:
    """Say how two images, two manifests, or an image and a manifest differ.

    Trusts nobody and verifies nothing. `ignore_times` says whether two that differ in nothing
    but times and packing count as the same. Raises `NoAnswerError` for what can't be read, is
    damaged, or is a manifest without a good signature.
    """
    with ExitStack() as stack:
        one, other = (open_side(path, where, stack, progress) for path in (a, b))
        try:
            if isinstance(one, ImageSide) and isinstance(other, ImageSide):
                return compare_images(one, other, ignore_times=ignore_times)
            if isinstance(one, ManifestSide) and isinstance(other, ManifestSide):
                return compare_manifests(one, other, ignore_times=ignore_times)
            return compare_with_manifest(one, other, ignore_times=ignore_times)
        except MalformedError as error:
            raise NoAnswerError(str(error), hint=error.hint) from error
