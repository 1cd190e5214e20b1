"""An image in a checkout, and what is signed about it: made from the source, no change of it."""

from pathlib import Path
from typing import Final

_SIGNED_ABOUT: Final = (".asc", ".sigstore.json", ".tsr")
"""How files end that are signed about an image and lie beside it."""


def path_inside(folder: Path, image: Path | None) -> str | None:
    """Return the image's path below a folder, as git writes it; None if it lies elsewhere."""
    if image is None:
        return None
    top, path = folder.resolve(), image.resolve()
    return path.relative_to(top).as_posix() if path.is_relative_to(top) else None


def is_about(image: str | None, path: str) -> bool:
    """Whether a path is that of the image, or of what is signed about it, by its name."""
    if image is None:
        return False
    return path == image or (path.startswith(f"{image}.") and path.endswith(_SIGNED_ABOUT))
