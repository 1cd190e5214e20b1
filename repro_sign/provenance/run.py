"""How results were made with an image: its author's claim, recorded by nobody."""

import os
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from repro_sign.errors import UsageError
from repro_sign.escaping import printable
from repro_sign.examining.comparison import digest_companion
from repro_sign.lint.word_list import words
from repro_sign.statements.statement import check_name
from repro_sign.values import dataclass

MAX_TEXT: Final = 2000
"""Characters of an argument or a value."""
MAX_ARGUMENTS: Final = 1000
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET: Final = re.compile(
    r"(?i)(?:^|_)(?:token|secret|passw(?:or)?d|passphrase|credentials?|api_?key|private_?key)(?:_|$)"
)
_PROGRAMS: Final = ("apptainer", "singularity")
_ACTIONS: Final = ("run", "exec", "shell", "test")
_OPENING: Final[Mapping[str, tuple[str, ...]]] = {
    "files of the host are visible inside: results can depend on them": ("-B", "--bind", "--mount"),
    "files of the image are covered by those of another one": ("-o", "--overlay"),
    "the image itself can be changed while it runs": ("-w", "--writable"),
    "changes inside are kept until it ends": ("--writable-tmpfs",),
    "NVIDIA's driver and libraries are the host's": ("--nv", "--nvccli"),
    "AMD's driver and libraries are the host's": ("--rocm",),
    "variables of the host are set inside": ("--env", "--env-file"),
    "the host's home folder is visible inside": ("-H", "--home"),
    "folders of the host are working folders inside": ("-W", "--workdir", "-S", "--scratch"),
    "it runs in a folder of the host": ("--pwd", "--cwd"),
}
"""What options open to the host, by what is said of them."""
_TAKES_VALUE: Final = words(
    "-B --bind --mount -o --overlay --env --env-file -H --home -W --workdir -S --scratch --pwd "
    "--cwd --security --add-caps --drop-caps --network --network-args --hostname --dns --app "
    "--cpus --cpu-shares --memory --fusemount --pem-path --apply-cgroups --authfile"
)
_CLEAN_ENVIRONMENT: Final = ("-e", "--cleanenv", "-c", "--contain", "-C", "--containall")
_CONTAINED: Final = ("-c", "--contain", "-C", "--containall", "--no-home")


@dataclass(frozen=True, slots=True)
class RunClaim:
    """What the author says of a run.

    `command` is the line as it is typed, `variables` are names whose values are taken from the
    environment, or `NAME=value`; `outputs` are the files that the run gave.
    """

    command: str | None = None
    variables: tuple[str, ...] = ()
    seed: str | None = None
    outputs: tuple[Path, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.command or self.variables or self.seed is not None or self.outputs)


def describe_run(claim: RunClaim) -> dict[str, Any]:
    """Return the `run` part of a manifest; empty if nothing is claimed.

    Raises `UsageError` for a command or variable that can't be written down, and
    `UnreadableError` if an output can't be read.
    """
    argv = _argv(claim.command)
    options = _options(argv)
    environment = dict(map(_variable, claim.variables))
    outputs = _outputs(claim.outputs)
    found = {
        "command": argv,
        "environment": environment,
        "seed": _fitting(claim.seed, "--seed") if claim.seed is not None else None,
        "options": options,
        "outputs": outputs,
    }
    return {name: value for name, value in found.items() if value not in (None, [], {})}


def _argv(command: str | None) -> list[str]:
    if not command:
        return []
    try:
        argv = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"--command can't be taken apart: {error}") from error
    if len(argv) > MAX_ARGUMENTS:
        raise UsageError(f"--command has more than {MAX_ARGUMENTS} words")
    return [_fitting(one, "--command") for one in argv]


def _options(argv: Sequence[str]) -> list[dict[str, str]]:
    """Return the options by which a container is opened to the host, with a word on each."""
    action = next((at for at, one in enumerate(argv[:20]) if one in _ACTIONS), None)
    if action is None or os.path.basename(argv[0]) not in _PROGRAMS:
        return []
    given: list[str] = []
    found: list[dict[str, str]] = []
    rest = iter(argv[action + 1 :])
    for word in rest:
        if not word.startswith("-"):
            break
        name, equals, value = word.partition("=")
        given.append(name)
        if name in _TAKES_VALUE and not equals:
            value = next(rest, "")
        remark = next((why for why, names in _OPENING.items() if name in names), None)
        if remark:
            found.append({"option": f"{name} {value}".strip(), "remark": remark})
    return [*found, *_missing(given)]


def _missing(given: Iterable[str]) -> list[dict[str, str]]:
    """Say what is open because an option is not there."""
    names = set(given)
    found = []
    if not names.intersection(_CLEAN_ENVIRONMENT):
        remark = "all variables of the host are set inside: results can depend on them"
        found.append({"option": "no --cleanenv", "remark": remark})
    if not names.intersection(_CONTAINED):
        remark = "home and temporary folders are the host's: settings in them have effect"
        found.append({"option": "no --containall", "remark": remark})
    return found


def _variable(text: str) -> tuple[str, str]:
    """Take a variable's value from `NAME=value`, or from the environment. Secrets are refused."""
    name, equals, value = text.partition("=")
    shown = printable(name)
    if not _NAME.fullmatch(name):
        raise UsageError(f"--env {shown}: not the name of a variable")
    if _SECRET.search(name):
        raise UsageError(
            f"--env {shown}: it is called like a secret, and a manifest is public",
            hint="give the run a variable of another name if it is none",
        )
    if not equals:
        if name not in os.environ:
            raise UsageError(
                f"--env {shown}: it is not set here", hint=f"give its value: --env {shown}=VALUE"
            )
        value = os.environ[name]
    return name, _fitting(value, f"--env {shown}")


def _outputs(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """Describe result files, each by its last name."""
    found: list[dict[str, Any]] = []
    for path in paths:
        try:
            name = check_name(path.name)
        except ValueError as error:
            raise UsageError(f"--output: {error}") from error
        if any(name == one["name"] for one in found):
            raise UsageError(f"two results are called {printable(name)}", hint="rename one")
        sha256, blake3 = digest_companion(path)
        found.append({"name": name, "digest": {"sha256": sha256.hex, "blake3": blake3.hex}})
    return found


def _fitting(text: str, what: str) -> str:
    if len(text) > MAX_TEXT:
        raise UsageError(f"{what}: longer than {MAX_TEXT} characters")
    return text
