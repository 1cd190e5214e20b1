"""Speak to the apptainer program: its arguments, its answers, nothing else.

It never sees the user's home or key folder: each call gets a ring of its own, made of files in
memory, with just the keys it is about (SIF reference, sections 8, 9 and 14).
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from repro_sign.errors import NoAnswerError, RefusedError
from repro_sign.escaping import printable
from repro_sign.fingerprint import Fingerprint
from repro_sign.system.process import (
    Completed,
    find_program,
    fresh_environment,
    require_program,
    run,
)
from repro_sign.system.scratch import memory_file, read_all, scratch_folder
from repro_sign.values import dataclass

INSTALL_HINT = "install Apptainer (apptainer.org), or keep the key in GnuPG: --store gnupg"
_SLOWEST_BYTES_PER_SECOND = 10 << 20
"""A reading speed that even bad network disks reach: time limits are counted with it."""
_COMPLAINTS = ("FATAL:", "ERROR:")
_NETWORK_VARIABLES = (
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR"),
)
"""How it reaches a key server: through which proxy, and whom it believes there."""
_REFUSED = 255
"""Every ordinary failure of sign and verify; 1 is a usage error, 2 a crash."""


_NOT_STARTED = "While initializing"
"""How its complaint begins where it got no further than its own configuration."""


@dataclass(frozen=True, slots=True)
class Ring:
    """A key ring for one call: a folder whose two files are open memory files."""

    home: Path
    public: int
    secret: int

    @property
    def environment(self) -> dict[str, str]:
        """An environment in which apptainer knows this ring and nothing of the user."""
        return fresh_environment(HOME=str(self.home), APPTAINER_KEYSDIR=str(self.home / "keys"))


@dataclass(frozen=True, slots=True)
class Answer:
    """What `apptainer verify` said. `accepted` is None where it gave no answer (crash, time-out).

    Its exit status decides; `words` is for people only, and hostile until escaped.
    """

    accepted: bool | None
    words: str


def installed() -> bool:
    """Whether apptainer can be run on this machine."""
    return find_program("apptainer") is not None and hasattr(os, "memfd_create")


def version() -> str:
    """Return the version that apptainer states, `1.4.5` say. Raises `ToolNotFoundError`."""
    program = require_program("apptainer", hint=INSTALL_HINT)
    done = run([str(program), "--version"], env=fresh_environment(HOME="/"))
    words = done.stdout.decode("utf-8", "replace").split()
    return printable(words[-1]) if words else "unknown"


def has_global_ring() -> bool:
    """Whether this machine has a key ring for all users, which apptainer asks before any other."""
    program = require_program("apptainer", hint=INSTALL_HINT)
    done = run([str(program), "buildcfg"], env=fresh_environment(HOME="/"))
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        name, _, value = line.partition("=")
        if name == "APPTAINER_CONFDIR":
            ring = Path(value) / "global-pgp-public"
            return ring.is_file() and ring.stat().st_size > 0
    return False


@contextmanager
def ring_of(public: bytes = b"", secret: bytes = b"") -> Iterator[Ring]:
    """Make a ring that holds these binary packets."""
    with ExitStack() as stack:
        home = stack.enter_context(scratch_folder())
        public_file = stack.enter_context(memory_file(public))
        secret_file = stack.enter_context(memory_file(secret))
        keys = home / "keys"
        keys.mkdir(mode=0o700)
        (keys / "pgp-public").symlink_to(_by_descriptor(public_file))
        (keys / "pgp-secret").symlink_to(_by_descriptor(secret_file))
        yield Ring(home, public_file, secret_file)


def import_secret_key(secret: bytes, passphrase: str | None) -> tuple[bytes, bytes]:
    """Hand a secret key to `apptainer key import`; return the public and secret ring it makes."""
    with ring_of() as ring, memory_file(secret) as key:
        done = _run(
            ["key", "import", _by_descriptor(key)], ring, passphrase, answers=1, files=(key,)
        )
        if done.status:
            raise RefusedError(f"apptainer key import refused the new key: {_say(done)}")
        return read_all(ring.public), read_all(ring.secret)


def new_pair(name: str, email: str, comment: str, passphrase: str) -> tuple[bytes, bytes]:
    """Let apptainer make an RSA 4096 key; return the public and secret ring it makes.

    Such a key never expires. The passphrase may not be empty.
    """
    argv = ["key", "newpair", "-N", name, "-E", email, "-C", comment, "-b", "4096", "--push=false"]
    with ring_of() as ring:
        done = _run(argv, ring, passphrase, answers=2, timeout=300)
        if done.status:
            raise RefusedError(f"apptainer key newpair failed: {_say(done)}")
        return read_all(ring.public), read_all(ring.secret)


def push_key(public: bytes, fingerprint: Fingerprint, url: str) -> None:
    """Let `apptainer key push` send a public key, the only one that it sees, to a key server.

    Its word that the key arrived is no proof: ask the server. Raises `RefusedError`.
    """
    with ring_of(public) as ring:
        argv = ["key", "push", "-u", url, fingerprint.hex]
        done = _run(argv, ring, None, passed=_NETWORK_VARIABLES)
        if done.status:
            raise RefusedError(f"apptainer key push failed: {_say(done)}")


def sign(image: int, size: int, public: bytes, secret: bytes, passphrase: str | None) -> None:
    """Let `apptainer sign` add signatures to the open file `image`, a private copy.

    `public` and `secret` are one key's packets, so that index 0 can only be that key.
    """
    with ring_of(public, secret) as ring:
        argv = ["sign", "-k", "0", _by_descriptor(image)]
        done = _run(argv, ring, passphrase, answers=1, files=(image,), timeout=_limit(size))
        if done.status:
            raise RefusedError(f"apptainer sign failed: {_say(done)}")


def verify(image: int, size: int, public: bytes, pem: bytes | None = None) -> Answer:
    """Ask `apptainer verify` about the open file `image`.

    All that it knows are the OpenPGP certificates `public`, or the PEM public key `pem`.
    """
    try:
        with ring_of(public) as ring, memory_file(pem or b"") as key:
            how = ["--key", _by_descriptor(key)] if pem else ["--local"]
            argv = ["verify", *how, _by_descriptor(image)]
            done = _run(argv, ring, None, files=(image, key), timeout=_limit(size))
    except (NoAnswerError, RefusedError) as error:  # no program, no time, no room for a ring
        return Answer(None, str(error))
    return answer_of(done)


def answer_of(done: Completed) -> Answer:
    """Read the answer of an `apptainer verify` that has ended.

    An Apptainer that can't even start (its configuration is damaged, say) ends with the status of
    a refusal, and has not looked at the image.
    """
    if done.status == 0:
        return Answer(True, "")
    words = _say(done)
    refused = done.status == _REFUSED and not words.startswith(_NOT_STARTED)
    return Answer(False if refused else None, words)


def _run(
    argv: list[str],
    ring: Ring,
    passphrase: str | None,
    *,
    answers: int = 0,
    files: tuple[int, ...] = (),
    timeout: float = 60.0,
    passed: tuple[str, ...] = (),
) -> Completed:
    """Run apptainer; the passphrase is answered `answers` times from a file in memory.

    `passed` are variables of ours that it may see.
    """
    program = require_program("apptainer", hint=INSTALL_HINT)
    text = (f"{passphrase}\n" * answers).encode() if passphrase is not None else b""
    with memory_file(text) as stdin:
        return run(
            [str(program), *argv],
            env={**fresh_environment(*passed), **ring.environment},
            stdin=stdin,
            pass_fds=(ring.public, ring.secret, *files),
            timeout=timeout,
        )


def _by_descriptor(descriptor: int) -> str:
    """Name an open file in the child that inherits it."""
    return f"/proc/self/fd/{descriptor}"


def _limit(size: int) -> float:
    return 60.0 + size / _SLOWEST_BYTES_PER_SECOND


def _say(done: Completed) -> str:
    """Return what it complains of, without its remarks about our memory files' modes."""
    lines = done.stderr.decode("utf-8", "replace").splitlines()
    fatal = [line.partition(":")[2].strip() for line in lines if line.startswith(_COMPLAINTS)]
    words = fatal[-1] if fatal else done.words
    return printable(words) or f"exit status {done.status}"
