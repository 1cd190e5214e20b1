"""What is wrong with a key, said on standard error, or shown with the key."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from repro_sign.cli.options import say
from repro_sign.key_health import HealthFinding, examine_key
from repro_sign.openpgp.certificate import Certificate
from repro_sign.pem.keys import PublicKey
from repro_sign.stores.exposure import exposed, places_of
from repro_sign.stores.listing import KeyEntry
from repro_sign.stores.secret_keys import Store
from repro_sign.system.locations import Locations
from repro_sign.times import utc_now


def say_health(
    name: str,
    key: Certificate | PublicKey | None,
    *,
    secret_in: Collection[Store] = (),
    encrypted: bool | None,
    places: Collection[Path],
) -> None:
    """Tell the person what is wrong with a key, and how to mend it; nothing stops for it."""
    found = examine_key(
        key, utc_now(), secret_in=secret_in, encrypted=encrypted, exposed=exposed(*places)
    )
    for one in found:
        remedy = f" ({one.remedy})" if one.remedy else ""
        say(f"repro-sign: note: the key {name}: {one.message}{remedy}")


def health_of(entry: KeyEntry, where: Locations) -> tuple[HealthFinding, ...]:
    """Return what is wrong with a key that is listed."""
    places = [path for store in entry.secret_in for path in places_of(where, store)]
    return examine_key(
        entry.certificate or entry.public_key,
        utc_now(),
        secret_in=entry.secret_in,
        encrypted=entry.encrypted,
        exposed=exposed(*places),
    )


def as_members(found: Collection[HealthFinding]) -> list[dict[str, Any]]:
    """Return findings as JSON."""
    return [
        {
            "code": one.code,
            "state": one.gravity.value,
            "message": one.message,
            "remedy": one.remedy,
        }
        for one in found
    ]


def as_lines(found: Collection[HealthFinding]) -> list[str]:
    """Return findings as lines for people, the remedy below each."""
    lines = []
    for one in found:
        lines.append(f"  {one.gravity.value:<8}  {one.message}")
        if one.remedy:
            lines.append(f"            mend: {one.remedy}")
    return lines
