"""Keys in words and as JSON, for `key list` and `key show`."""

from typing import Any

from repro_sign.cli.options import say
from repro_sign.stores.listing import KeyEntry, KeySurvey
from repro_sign.times import rfc3339


def state_of(entry: KeyEntry) -> str:
    """Say until when a key may be used, or why it may not."""
    one = entry.certificate
    if one is None:
        return "never expires"
    if one.revoked:
        return "revoked"
    if not one.usable:
        return "unusable"
    if one.expires is None:
        return "never expires"
    return f"until {one.expires:%Y-%m-%d}"


def tell_silence(survey: KeySurvey) -> None:
    """Say that keys in GnuPG may have a secret half that is not shown, if that is so."""
    if survey.silence is not None:
        say(f"repro-sign: note: which keys in GnuPG can sign is not known: {survey.silence}")
        if survey.silence.hint:
            say(f"repro-sign: hint: {survey.silence.hint}")


def members_of(entry: KeyEntry) -> dict[str, Any]:
    """Return all there is to know about a key."""
    one = entry.certificate
    return {
        "fingerprint": str(entry.fingerprint),
        "user_id": entry.user_id,
        "user_ids": list(one.user_ids) if one else [],
        "algorithm": entry.algorithm,
        "created": rfc3339(one.created) if one else None,
        "expires": rfc3339(one.expires) if one and one.expires else None,
        "revoked": one.revoked if one else False,
        "usable": one.usable if one else True,
        "public_in": [store.value for store in entry.public_in],
        "secret_in": [store.value for store in entry.secret_in],
        "keeper": entry.keeper.value if entry.keeper else None,
        "encrypted": entry.encrypted,
    }
