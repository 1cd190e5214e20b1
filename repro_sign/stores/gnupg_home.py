"""A GnuPG home: make, list, import and export keys, sign text (through python-gnupg).

This is the one module that uses python-gnupg, which starts gpg itself. The user's own options
file is left aside: it could change what is signed and how.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import gnupg

from repro_sign.durable import private_folder
from repro_sign.errors import NoAnswerError, RefusedError
from repro_sign.escaping import printable
from repro_sign.fingerprint import Fingerprint
from repro_sign.openpgp.certificate import Certificate, read_ring
from repro_sign.process import find_program, fresh_environment, require_program, run

INSTALL_HINT = "install GnuPG (gnupg.org)"
_PINENTRY_NEEDS: Final = (
    "HOME",
    "APPDATA",
    "TERM",
    "GPG_TTY",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "DBUS_SESSION_BUS_ADDRESS",
    "XDG_RUNTIME_DIR",
)
"""What gpg-agent hands to the program that asks for a passphrase."""
_READ_ONLY: Final = ("--no-autostart", "--no-auto-check-trustdb", "--lock-never")
_RING_FILES: Final = ("pubring.kbx", "pubring.gpg", "public-keys.d")

# python-gnupg logs failures it also raises; a library of ours prints nothing.
logging.getLogger("gnupg").setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True, slots=True)
class NewKey:
    """What a key to be made is to be: `expires` is in gpg's words (`3y`, `2027-01-31`, `0`)."""

    name: str
    email: str
    comment: str
    expires: str


class GnuPGHome:
    """One GnuPG home folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def has_keys(self) -> bool:
        """Whether gpg is installed and this home holds a key ring."""
        there = any((self.folder / name).exists() for name in _RING_FILES)
        return there and find_program("gpg") is not None

    def certificates(self, names: tuple[str, ...] = ()) -> tuple[Certificate, ...]:
        """Return the certificates with these fingerprints or key ids, or all of them.

        Writes nothing and starts no agent.
        """
        if not self.has_keys():
            return ()
        return read_ring(self._gpg(*_READ_ONLY).export_keys(list(names), armor=False))

    def secret_fingerprints(self) -> tuple[Fingerprint, ...]:
        """Return the primary fingerprints of the keys whose secret half gpg can reach."""
        if not self.has_keys():
            return ()
        found = []
        for key in self._gpg().list_keys(secret=True):
            try:
                found.append(Fingerprint.parse(key["fingerprint"]))
            except ValueError:  # a version 5 key, which nobody else could check
                continue
        return tuple(found)

    def generate(self, key: NewKey, passphrase: str | None) -> Fingerprint:
        """Make an Ed25519 key that may sign and nothing else. Raises `RefusedError`."""
        private_folder(self.folder)
        lines = [
            "Key-Type: EDDSA",
            "Key-Curve: ed25519",
            "Key-Usage: sign",
            f"Name-Real: {key.name}",
            f"Name-Email: {key.email}",
            *([f"Name-Comment: {key.comment}"] if key.comment else []),
            f"Expire-Date: {key.expires}",
            f"Passphrase: {passphrase}" if passphrase is not None else "%no-protection",
            "%commit",
            "",
        ]
        result = self._gpg().gen_key("\n".join(lines))
        try:
            return Fingerprint.parse(result.fingerprint or "")
        except ValueError as error:
            raise RefusedError(f"gpg could not make the key: {_say(result.stderr)}") from error

    def export_secret(self, fingerprint: Fingerprint, passphrase: str | None) -> bytes:
        """Return a key's secret packets, binary, encrypted as they are in this home."""
        exported = self._gpg().export_keys(
            fingerprint.hex,
            secret=True,
            armor=False,
            passphrase=passphrase,
            expect_passphrase=False,
        )
        if not exported:
            raise RefusedError(f"gpg does not hand out the secret key {fingerprint.grouped()}")
        return bytes(exported)

    def import_key(self, data: bytes) -> None:
        """Import keys; gpg keeps secret ones encrypted as they are. Raises `RefusedError`."""
        private_folder(self.folder)
        result = self._gpg().import_keys(data, extra_args=["--import-options", "import-restore"])
        if not result.fingerprints:
            raise RefusedError(f"gpg imported nothing: {_say(result.stderr)}")

    def revocation_text(self, fingerprint: Fingerprint) -> str | None:
        """Return the revocation certificate that gpg made along with the key."""
        path = self.folder / "openpgp-revocs.d" / f"{fingerprint.hex}.rev"
        try:
            text = path.read_text(encoding="utf-8")
        except OSError:
            return None
        armor = text[text.find(":-----BEGIN") + 1 :]
        return armor if armor.startswith("-----BEGIN") else None

    def stop_agent(self) -> None:
        """End the agent that gpg started for this home, if it is still there."""
        program = find_program("gpgconf")
        if program is not None:
            argv = [str(program), "--homedir", str(self.folder), "--kill", "all"]
            run(argv, env=fresh_environment("HOME"), timeout=10)

    def sign_text(
        self, fingerprint: Fingerprint, data: bytes, passphrase: str | None, *, text: bool = True
    ) -> bytes:
        """Return an armored, detached SHA-256 signature by this key or its signing subkey.

        A text signature, or a binary one: over a single line both sign the same bytes. Without a
        passphrase gpg-agent is asked, which asks the user or a card. Raises
        `RefusedError`.
        """
        result = self._gpg().sign(
            data,
            passphrase=passphrase,
            clearsign=False,
            detach=True,
            extra_args=[
                *(["--textmode"] if text else []),
                "--digest-algo",
                "SHA256",
                "--local-user",
                fingerprint.hex,
            ],
        )
        if not result.data:
            raise RefusedError(
                f"gpg could not sign with {fingerprint.grouped()}: {_say(result.stderr)}",
                hint="is the passphrase right, and can gpg-agent ask for it?"
                " (--passphrase-file gives it without asking)",
            )
        return bytes(result.data)

    def _gpg(self, *options: str) -> gnupg.GPG:
        program = require_program("gpg", hint=INSTALL_HINT)
        try:
            return gnupg.GPG(
                gpgbinary=str(program),
                gnupghome=str(self.folder),
                options=["--no-options", *options],
                env=fresh_environment(*_PINENTRY_NEEDS),
                encoding="utf-8",
            )
        except (OSError, ValueError) as error:
            shown = printable(str(self.folder))
            message = f"gpg does not work with {shown}: {printable(str(error))}"
            raise NoAnswerError(message) from error


def _say(stderr: str | None) -> str:
    """Return gpg's own words without its status lines."""
    lines = [line for line in (stderr or "").splitlines() if line.startswith("gpg: ")]
    words = "; ".join(line.removeprefix("gpg: ") for line in lines[-3:])
    return printable(words) or "no reason given"
