"""A GnuPG home: make, list, import and export keys, sign text."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

from repro_sign.errors import NoAnswerError, RefusedError
from repro_sign.fingerprint import Fingerprint
from repro_sign.openpgp.certificate import Certificate, read_ring
from repro_sign.stores import gnupg_process
from repro_sign.stores.gnupg_agent import NO_AGENT, AgentPlace, Keeper, find_agent
from repro_sign.stores.gnupg_process import ASKING_HINT, READ_ONLY, TimedGPG, open_gpg, words_of
from repro_sign.system.durable import private_folder
from repro_sign.system.process import find_program, fresh_environment, run
from repro_sign.values import dataclass

_RING_FILES: Final = ("pubring.kbx", "pubring.gpg", "public-keys.d")
_NOT_VALID: Final = ("i", "d", "r", "e")
"""Invalid, disabled, revoked, expired (GnuPG's doc/DETAILS, "Field 2")."""


@dataclass(frozen=True, slots=True)
class ReachableKey:
    """A key in GnuPG whose secret half, or a part of it, can be reached.

    `signs` is false where none of its keys that may sign is among that: an offline primary, say.
    """

    fingerprint: Fingerprint
    keeper: Keeper
    signs: bool


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
        with self._gpg(NO_AGENT, *READ_ONLY) as gpg:
            return read_ring(gpg.export_keys(list(names), armor=False))

    def reachable_keys(self) -> tuple[ReachableKey, ...]:
        """Return the keys of which gpg reaches a secret half: on disk, on a card, in an agent.

        Raises `NoAnswerError` where a foreign agent does not answer, or gpg takes too long.
        """
        if not self.has_keys():
            return ()
        agent = self._answering_agent()
        with self._gpg(*agent.gpg_options, *READ_ONLY) as gpg:
            return tuple(_reachable(gpg.list_keys(secret=True), agent))

    def generate(self, key: NewKey, passphrase: str | None) -> Fingerprint:
        """Make an Ed25519 key that may sign and nothing else.

        Raises `RefusedError`, or `NoAnswerError` where a foreign agent does not answer.
        """
        private_folder(self.folder)
        lines = [
            "Key-Type: EDDSA",
            "Key-Curve: ed25519",
            "Key-Usage: sign",
            f"Name-Real: {key.name}",
            *([f"Name-Email: {key.email}"] if key.email else []),
            *([f"Name-Comment: {key.comment}"] if key.comment else []),
            f"Expire-Date: {key.expires}",
            f"Passphrase: {passphrase}" if passphrase is not None else "%no-protection",
            "%commit",
            "",
        ]
        with self._asking_gpg(*self._answering_agent().gpg_options) as gpg:
            result = gpg.gen_key("\n".join(lines))
        try:
            return Fingerprint.parse(result.fingerprint or "")
        except ValueError as error:
            raise RefusedError(f"gpg could not make the key: {words_of(result.stderr)}") from error

    def export_secret(self, fingerprint: Fingerprint, passphrase: str | None) -> bytes:
        """Return a key's secret packets, binary, encrypted as they are in this home."""
        with self._asking_gpg(*self._answering_agent().gpg_options) as gpg:
            exported = gpg.export_keys(
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
        with self._asking_gpg(*find_agent(self.folder).gpg_options) as gpg:
            result = gpg.import_keys(data, extra_args=["--import-options", "import-restore"])
        if not result.fingerprints:
            raise RefusedError(f"gpg imported nothing: {words_of(result.stderr)}")

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
        passphrase gpg-agent is asked, which asks the user or a card. Raises `RefusedError`, or
        `NoAnswerError` where a foreign agent does not answer, or nobody gives it what it asks for.
        """
        agent = self._answering_agent()
        try:
            with self._asking_gpg(*agent.gpg_options, *READ_ONLY) as gpg:
                result = gpg.sign(
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
        except NoAnswerError as error:
            raise NoAnswerError(f"{error}: nothing was signed", hint=_WAITED_HINT) from error
        if not result.data:
            raise RefusedError(
                f"gpg could not sign with {fingerprint.grouped()}: {words_of(result.stderr)}",
                hint=_hint(result.stderr or ""),
            )
        return bytes(result.data)

    def _answering_agent(self) -> AgentPlace:
        agent = find_agent(self.folder)
        silence = agent.silence()
        if silence is not None:
            raise silence
        return agent

    def _gpg(self, *options: str) -> AbstractContextManager[TimedGPG]:
        return open_gpg(self.folder, gnupg_process.LOOKING_SECONDS, options)

    def _asking_gpg(self, *options: str) -> AbstractContextManager[TimedGPG]:
        return open_gpg(self.folder, gnupg_process.ASKING_SECONDS, options)


_WAITED_HINT: Final = (
    "gpg-agent waits for somebody to type a PIN or a passphrase, or to put the card in: look for"
    " its question (on another screen? export GPG_TTY=$(tty) brings it to this terminal), answer"
    " or cancel it, and sign again"
)
_HINTS: Final = {
    "pinentry mode 'loopback' failed": (
        "the agent behind this GnuPG home takes no passphrase from here, it asks by itself:"
        " leave --passphrase-file (and REPRO_SIGN_PASSPHRASE_FILE) away"
    ),
    "Inappropriate ioctl": (
        "gpg-agent has no terminal to ask on: export GPG_TTY=$(tty), or give the passphrase"
        " with --passphrase-file"
    ),
    "No pinentry": "install pinentry for gpg-agent, or give the passphrase with --passphrase-file",
    "cancelled": "the question for the PIN or passphrase was cancelled: sign again",
    "No secret key": (
        "is its card in the reader (gpg --card-status), or its agent another one by now?"
    ),
}
"""What helps, by gpg's words (it speaks English to us)."""


def _hint(stderr: str) -> str:
    for words, hint in _HINTS.items():
        if words in stderr:
            return hint
    return ASKING_HINT


def _reachable(listed: Any, agent: AgentPlace) -> Iterator[ReachableKey]:
    """Read gpg's list of secret keys (GnuPG's doc/DETAILS, "Field 12" and "Field 15")."""
    for key in listed:
        try:
            fingerprint = Fingerprint.parse(key["fingerprint"])
        except ValueError:  # a version 5 key, which nobody else could check
            continue
        parts = [key, *key.get("subkey_info", {}).values()]
        signing = [one for one in parts if "s" in one["cap"] and one["trust"] not in _NOT_VALID]
        keeper = _keeper_of(signing, agent)
        if keeper is not None:
            yield ReachableKey(fingerprint, keeper, signs=True)
        else:
            keeper = _keeper_of(parts, agent)
            yield ReachableKey(fingerprint, keeper or Keeper.AGENT, signs=False)


def _keeper_of(parts: Sequence[Mapping[str, str]], agent: AgentPlace) -> Keeper | None:
    """Say what keeps the first of these keys that can be reached; None if none can.

    gpg looks for what it calls a token: `+` on disk, a card's number, `#` for what it does not see.
    The last proves nothing: an agent that is reached from elsewhere shows none of its keys.
    """
    tokens = [part["token"] for part in parts]
    if "+" in tokens:
        return Keeper.DISK
    if any(token not in ("", "#") for token in tokens):
        return Keeper.CARD
    return Keeper.AGENT if any(agent.holds(part["keygrip"]) for part in parts) else None
