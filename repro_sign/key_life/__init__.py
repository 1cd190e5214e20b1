"""Use cases: what becomes of a key after it was made: renewed, revoked, saved, removed."""
