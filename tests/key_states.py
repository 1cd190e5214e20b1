"""What becomes of a test's key: revoked with keygen's own certificate, renewed, cut down."""

import subprocess

from repro_sign.openpgp import packets
from tests.account import Account, Signer


def revoke(signer: Signer) -> None:
    """Do what a person does with the revocation certificate that keygen wrote."""
    folder = signer.account.home / ".config/repro-sign/revocations"
    signer.account.program("gpg", "--batch", "--import", folder / f"{signer.fingerprint}.asc")


def gpg_export(signer: Signer) -> bytes:
    """Return the key as the owner's GnuPG has it now."""
    return signer.account.ok("key", "export", signer.fingerprint).out.encode()


def renew(signer: Signer, expires: str) -> None:
    """Give the key another end."""
    command = ("gpg", "--batch", "--passphrase", "", "--quick-set-expire", signer.fingerprint)
    signer.account.program(*command, expires)


def dearmored(account: Account, armored: bytes) -> bytes:
    """Return the binary packets of an armored key."""
    done = subprocess.run(
        ["gpg", "--dearmor"],
        input=armored,
        env=account.environment,
        capture_output=True,
        check=True,
    )
    return done.stdout


def bare(account: Account, armored: bytes) -> bytes:
    """Cut a key down to what keys.openpgp.org serves before an e-mail is confirmed.

    No user ids and what is signed about them; subkeys with their bindings, and revocations stay.
    """
    kept, named = [], False
    for packet in packets.iterate(dearmored(account, armored)):
        named = packet.tag == 13 or (named and packet.tag == packets.TAG_SIGNATURE)
        if not named:
            kept.append(packet.whole)
    return b"".join(kept)
