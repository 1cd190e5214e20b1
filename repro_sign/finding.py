"""What was found out about one signature: the words that reports and JSON carry."""

from enum import StrEnum


class Finding(StrEnum):
    """The state of one signature, whoever made it. Only `GOOD` speaks for an image."""

    GOOD = "good"
    """Made by a known, fit key over exactly what the image is."""

    UNKNOWN_KEY = "unknown-key"
    """No certificate of its key is at hand, so it can't be checked."""
    UNSUPPORTED = "unsupported"
    """A form or algorithm that this version can't check."""
    LEGACY = "legacy"
    """Made before Singularity 3.6: covers neither header nor descriptors, never accepted."""

    BAD_SIGNATURE = "bad-signature"
    """The key is known, and these are not the bytes it signed."""
    KEY_EXPIRED = "key-expired"
    """Made after the key had expired."""
    KEY_NOT_YET_VALID = "key-not-yet-valid"
    """Made before the key was created."""
    KEY_REVOKED = "key-revoked"
    """The key is revoked, as compromised or without reason, or before the signature was made."""
    KEY_UNFIT = "key-unfit"
    """The key may not sign, or its certificate is unusable."""
    SIGNATURE_EXPIRED = "signature-expired"
    """The signature names its own end, which has passed."""
    FUTURE = "dated-in-future"
    """The signature is dated later than now."""
    WEAK_HASH = "weak-hash"
    """The signature uses a hash that can be forged (SHA-1 and older)."""

    WRONG_FINGERPRINT = "wrong-fingerprint"
    """The signature's descriptor names another key than the one that signed."""
    HEADER_CHANGED = "header-changed"
    DESCRIPTOR_CHANGED = "descriptor-changed"
    DATA_CHANGED = "data-changed"
    OBJECT_REMOVED = "object-removed"
    BAD_METADATA = "bad-metadata"
    """The text that was signed is no valid metadata document."""

    UNLINKED = "unlinked"
    """The signature object is linked to no group of objects, so it covers nothing."""
    MALFORMED = "malformed"
    """The signature object holds no signature of any known form."""

    @property
    def spoils(self) -> bool:
        """Whether a signature by any known key with this finding fails the image."""
        return self in _SPOILING

    @property
    def genuine(self) -> bool:
        """Whether the holder of the key made the signature, however unfit the key was."""
        return self in _GENUINE

    @property
    def disagrees(self) -> bool:
        """Whether the signature says something else than what the image is."""
        return self in _DISAGREEING


_SPOILING = frozenset(
    {
        Finding.BAD_SIGNATURE,
        Finding.KEY_EXPIRED,
        Finding.KEY_NOT_YET_VALID,
        Finding.KEY_REVOKED,
        Finding.KEY_UNFIT,
        Finding.SIGNATURE_EXPIRED,
        Finding.FUTURE,
        Finding.WEAK_HASH,
    }
)
_DISAGREEING = frozenset(
    {
        Finding.WRONG_FINGERPRINT,
        Finding.HEADER_CHANGED,
        Finding.DESCRIPTOR_CHANGED,
        Finding.DATA_CHANGED,
        Finding.OBJECT_REMOVED,
        Finding.BAD_METADATA,
    }
)
_GENUINE = frozenset(
    {
        Finding.GOOD,
        Finding.KEY_EXPIRED,
        Finding.KEY_NOT_YET_VALID,
        Finding.KEY_REVOKED,
        Finding.SIGNATURE_EXPIRED,
    }
)
"""Found only after the value of the signature, and the binding of a subkey, proved good."""
