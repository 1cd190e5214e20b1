"""What lies where in a deposit: a folder with an image, its source and its results.

Names are fixed, and found by what they are: nothing in the folder says where to look.
"""

from pathlib import Path
from typing import Final

from repro_sign.errors import MalformedError, NoAnswerError
from repro_sign.provenance.members import objects_at, text_at
from repro_sign.strict_json import parse_object
from repro_sign.system.files import read_small

MARK: Final = "urn:repro-sign:deposit:v1"
"""In the crate's metadata, it says that a folder is a deposit of this layout."""
CRATE: Final = "ro-crate-metadata.json"
README: Final = "README.md"
SOURCE: Final = "source.tar"
COMMIT: Final = "source.commit"
"""The commit as git keeps it, whose digest is the commit's id: it names the tree of the source."""
DEPENDENCIES: Final = "dependencies"
RESULTS: Final = "results"
KEYS: Final = "keys"
_MAX_CRATE_BYTES: Final = 8 << 20


def is_deposit(folder: Path) -> bool:
    """Whether a folder says that it is a deposit. That makes nothing in it trusted."""
    try:
        crate = parse_object(read_small(folder / CRATE, _MAX_CRATE_BYTES, "crate"), CRATE)
    except (MalformedError, NoAnswerError):
        return False
    entities = objects_at(crate, "@graph") or ()
    roots = (one for one in entities if text_at(one, "@id") == "./")
    return any(text_at(one, "additionalType") == MARK for one in roots)
