"""One signature, checked by itself: whose it is, and what was found.

Whether an image is what the signature says is another question.
"""

from datetime import datetime

from repro_sign.finding import Finding
from repro_sign.fingerprint import SignerId
from repro_sign.values import dataclass


@dataclass(frozen=True, slots=True)
class CheckedSignature:
    """The outcome of checking a signature of any form.

    `signer` is the (primary) key that made it, set where that key is at hand; `claimed` the key
    that the signature names, a claim unless `signer` is set. `message` says in a sentence what
    was found, `notes` what a good one leans on. Only OpenPGP signatures have a time and a name.
    `key_ended` is when the key of a good one expired or was revoked since.
    """

    finding: Finding
    message: str
    claimed: str | None = None
    signer: SignerId | None = None
    user_id: str | None = None
    signed_at: datetime | None = None
    notes: tuple[str, ...] = ()
    key_ended: datetime | None = None
