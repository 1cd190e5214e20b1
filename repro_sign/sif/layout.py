"""Where everything lies in a SIF file (SIF reference, section 1): structures and constants.

All integers are little-endian, and nothing is padded.
"""

import struct
from enum import IntEnum
from typing import Final

HEADER: Final = struct.Struct("<32s10s3s3s16s8q")
"""Launch script, magic, version, architecture, UUID; created, modified, descriptors free,
descriptors total, descriptors offset, descriptors size, data offset, data size."""

DESCRIPTOR: Final = struct.Struct("<iBIIIqqqqqqq128s384s")
"""Data type, used, id, group id, link, offset, size, size with padding, created, modified,
uid, gid, name, extra."""

MAGIC: Final = b"SIF_MAGIC\0"
MAGIC_OFFSET: Final = 32
VERSION: Final = b"01\0"

HEADER_MODIFIED_OFFSET: Final = 72
"""From here on the header has: modified, descriptors free (each int64)."""
HEADER_DATA_SIZE_OFFSET: Final = 120
DESCRIPTOR_USED_OFFSET: Final = 4

GROUP_MASK: Final = 0xF0000000
"""Set in every group id; a link with all of these bits names a group, otherwise an object."""
NO_GROUP: Final = GROUP_MASK

ZERO_TIME: Final = -62135596800
"""Go's zero time (year 1), which deterministic images carry in place of dates."""

MAX_DESCRIPTORS: Final = 4096
"""Tools write 48; upstream allocates whatever the header asks for, we do not."""
MAX_SIGNATURE_BYTES: Final = 1 << 20
"""A signature of an image with 4,095 objects is below this."""
MAX_SIGNATURES_BYTES: Final = 8 << 20
"""All signatures of an image together: they are held in memory at once."""
MAX_DOCUMENT_BYTES: Final = 4 << 20
"""Largest definition file, label set or other text that is read whole."""


class DataType(IntEnum):
    """What a data object is (SIF reference, section 1.3)."""

    DEFINITION_FILE = 0x4001
    ENVIRONMENT = 0x4002
    LABELS = 0x4003
    PARTITION = 0x4004
    SIGNATURE = 0x4005
    GENERIC_JSON = 0x4006
    GENERIC = 0x4007
    CRYPTO_MESSAGE = 0x4008
    SBOM = 0x4009
    OCI_ROOT_INDEX = 0x400A
    OCI_BLOB = 0x400B


DATA_TYPE_NAMES: Final = {
    DataType.DEFINITION_FILE: "definition file",
    DataType.ENVIRONMENT: "environment",
    DataType.LABELS: "labels",
    DataType.PARTITION: "partition",
    DataType.SIGNATURE: "signature",
    DataType.GENERIC_JSON: "JSON",
    DataType.GENERIC: "generic",
    DataType.CRYPTO_MESSAGE: "cryptographic message",
    DataType.SBOM: "SBOM",
    DataType.OCI_ROOT_INDEX: "OCI root index",
    DataType.OCI_BLOB: "OCI blob",
}

FILE_SYSTEMS: Final = {
    1: "squashfs",
    2: "ext3",
    3: "archive",
    4: "raw",
    5: "encrypted squashfs",
}
PARTITION_TYPES: Final = {1: "system", 2: "primary system", 3: "data", 4: "overlay"}
PARTITION_EXTRA: Final = struct.Struct("<ii3s")

ARCHITECTURES: Final = {
    "00": "unknown",
    "01": "386",
    "02": "amd64",
    "03": "arm",
    "04": "arm64",
    "05": "ppc64",
    "06": "ppc64le",
    "07": "mips",
    "08": "mipsle",
    "09": "mips64",
    "10": "mips64le",
    "11": "s390x",
    "12": "riscv64",
    "13": "loong64",
}

SIGNATURE_EXTRA: Final = struct.Struct("<i256s")
"""Hash type, entity; the entity's first 20 bytes are the signer's primary fingerprint."""
SIGNATURE_HASH_TYPES: Final = {
    1: "SHA-256",
    2: "SHA-384",
    3: "SHA-512",
    4: "BLAKE2s-256",
    5: "BLAKE2b-256",
}
HASH_SHA256: Final = 1
HASH_SHA512: Final = 3
