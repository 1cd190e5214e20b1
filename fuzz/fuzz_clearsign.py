"""Clear-signed blocks, and bare signature packets over a fixed text.

Armor resists mutation (hardly any change of base64 is another good packet), so input that starts
as a packet does is armored here.
"""

from typing import Final

import atheris
import pysequoia
from harness import NOW, ForgeryError, known_keys, run, seeds

with atheris.instrument_imports(include=["repro_sign"]):
    from repro_sign.finding import Finding
    from repro_sign.openpgp import clearsign
    from repro_sign.openpgp.check import check_signature, parse_signature

BOOK: Final = known_keys().certificates
BLOCKS: Final = [
    clearsign.parse(data) for data in seeds("clearsign").values() if data.startswith(b"-----")
]
SIGNED: Final = {block.canonical for block in BLOCKS}
TEXT: Final = BLOCKS[0].canonical


def one(data: bytes) -> None:
    """Parse and check."""
    if data[:1] >= b"\x80":
        armored = pysequoia.armor(data, pysequoia.ArmorKind.Signature).encode()
        text = TEXT
    else:
        block = clearsign.parse(data)
        armored, text = block.signature, block.canonical
    signature = parse_signature(armored)
    found = check_signature(signature, text, BOOK, NOW)
    if found.finding is Finding.GOOD and text not in SIGNED:
        raise ForgeryError("good, and nobody signed it")


run(one)
