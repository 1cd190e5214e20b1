"""Which commands install packages, and which packages: one row for each package manager."""

import re
from collections.abc import Iterator
from typing import Final

from repro_sign.lint.code_installs import code_installs
from repro_sign.lint.packages import (
    Install,
    Judge,
    Package,
    Pin,
    by_at,
    by_colon,
    by_conda,
    by_dash,
    by_equals,
    by_requirement,
    judged,
    never,
)
from repro_sign.lint.shell_command import ShellCommand, program_of, unwrapped
from repro_sign.lint.word_list import words
from repro_sign.values import dataclass


@dataclass(frozen=True, slots=True)
class _Manager:
    """How a package manager is called.

    `verbs` are the words after which packages are named ("" where there is no such word), `valued`
    the options that take the next word with them, `version` those that give the version of all.
    """

    name: str
    programs: str
    verbs: tuple[str, ...]
    judge: Judge
    valued: frozenset[str] = frozenset()
    version: frozenset[str] = frozenset()
    system: bool = False


_PIP_OPTIONS: Final = words(
    "-r --requirement --requirements -c --constraint --constraints -i "
    "--index-url --extra-index-url --index --default-index -f --find-links "
    "--trusted-host -t --target --prefix --root --src --platform "
    "--python-version --implementation --abi --no-binary --only-binary "
    "--timeout --retries --proxy --cache-dir --log --progress-bar "
    "--upgrade-strategy --global-option --config-settings -C --python -p "
    "--group --extra --resolution --exclude-newer -e --editable"
)
_CONSTRAINTS: Final = words("-c --constraint --constraints")
"""A file that holds the versions of everything that pip installs."""
_CONDA_OPTIONS: Final = words(
    "-n --name -p --prefix -c --channel --file -f --revision --solver "
    "--platform --repodata-fn -r --root-prefix"
)
_MANAGERS: Final = (
    _Manager(
        *("apt", r"apt|apt-get|aptitude|apt-fast", ("install", "build-dep"), by_equals),
        valued=words("-t --target-release --default-release -o --option -c --config-file"),
        system=True,
    ),
    _Manager(
        *(
            "dnf",
            r"dnf5?|yum|microdnf|tdnf",
            ("install", "groupinstall", "localinstall"),
            by_dash,
        ),
        valued=words(
            "--installroot --releasever --enablerepo --disablerepo -c --config -x --exclude --repo"
        ),
        system=True,
    ),
    _Manager(
        *("apk", r"apk", ("add",), by_equals),
        valued=words("-t --virtual -X --repository -p --root --keys-dir --cache-dir"),
        system=True,
    ),
    _Manager(
        *("zypper", r"zypper", ("install", "in"), by_dash),
        valued=words("-r --repo -t --type --root -R --from"),
        system=True,
    ),
    _Manager(
        "pacman", r"pacman|yay|paru", ("-S", "-Sy", "-Syu", "-Syyu", "-Su"), never, system=True
    ),
    _Manager("pip", r"pip[\d.]*|pipx", ("install", "inject"), by_requirement, _PIP_OPTIONS),
    _Manager("uv", r"uv", ("pip install", "add", "tool install"), by_requirement, _PIP_OPTIONS),
    _Manager(
        "poetry", r"poetry|pdm|pipenv", ("add", "install"), by_requirement, _PIP_OPTIONS | {"-G"}
    ),
    _Manager(
        "conda",
        r"conda|mamba|micromamba|pixi",
        ("install", "create", "add"),
        by_conda,
        _CONDA_OPTIONS,
    ),
    _Manager(
        *("npm", r"npm|pnpm|yarn|bun", ("install", "i", "add", "global add"), by_at),
        valued=words("--prefix --registry -C --cwd"),
    ),
    _Manager(
        *("cargo", r"cargo|cargo-binstall", ("install", "binstall"), by_at),
        valued=words("--root --path --features -F -j --jobs --bin --target --git"),
        version=words("--version --vers --rev --tag"),
    ),
    _Manager("go", r"go", ("install", "get"), by_at, words("-tags -ldflags -o")),
    _Manager(
        *("gem", r"gem", ("install",), by_colon),
        valued=words("-i --install-dir -n --bindir --source"),
        version=words("-v --version"),
    ),
    _Manager("spack", r"spack", ("install", "add"), by_at, words("-j --jobs -e --env")),
    _Manager(
        *("R", r"install2?\.r|installBioc\.r|installGithub\.r", ("",), by_at),
        valued=words("-n --ncpus -r --repos -l --libloc"),
    ),
)
_UPGRADES: Final = {
    "apt": ("upgrade", "dist-upgrade", "full-upgrade", "safe-upgrade"),
    "dnf": ("update", "upgrade", "distro-sync", "upgrade-minimal"),
    "apk": ("upgrade",),
    "zypper": ("update", "up", "dist-upgrade", "dup", "patch"),
    "pacman": ("-Syu", "-Syyu", "-Su"),
    "conda": ("update", "upgrade"),
}


def installs_of(command: ShellCommand) -> Iterator[Install]:
    """Yield what a command installs; nothing if it is no such command."""
    words = _without_python(unwrapped(command.words))
    if not words:
        return
    yield from code_installs(words, command.stdin)
    found = _manager_of(words)
    if found is None:
        return
    manager, rest = found
    after = _after_verb(manager, rest)
    if after is not None:
        packages = _packages(manager, after)
        if packages or not _takes_list(after):
            yield Install(manager.name, packages, manager.system)


def upgrades(command: ShellCommand) -> bool:
    """Whether a command replaces all installed packages by the newest ones."""
    words = unwrapped(command.words)
    found = _manager_of(words)
    if found is None or found[0].name not in _UPGRADES:
        return False
    manager, rest = found
    verb = next((word for word in rest if not word.startswith("-") or manager.name == "pacman"), "")
    return verb in _UPGRADES[manager.name]


def refreshes_lists(command: ShellCommand) -> bool:
    """Whether it is `apt-get update`."""
    words = unwrapped(command.words)
    found = _manager_of(words)
    return found is not None and found[0].name == "apt" and "update" in found[1]


_LOCKED: Final = (
    (r"npm", ("install", "i"), ()),
    (r"yarn", ("install", ""), ("--frozen-lockfile", "--immutable")),
    (r"pnpm", ("install", "i"), ("--frozen-lockfile",)),
    (r"bun", ("install",), ("--frozen-lockfile",)),
    (r"uv", ("sync", "run"), ("--frozen", "--locked")),
    (r"pdm", ("install", "sync"), ("--frozen-lockfile",)),
    (r"pipenv", ("install",), ("--deploy", "--ignore-pipfile")),
    (r"cargo", ("build", "install"), ("--locked", "--frozen")),
)
"""Program, commands that follow a lock file only if told to, and the options that tell them."""


def passes_over_lock(command: ShellCommand) -> bool:
    """Whether a command may choose other versions than the lock file that lies there."""
    words = unwrapped(command.words)
    if not words:
        return False
    program = program_of(words)
    names = [word for word in words[1:] if not word.startswith("-")] or [""]
    for known, verbs, options in _LOCKED:
        if program == known and names[0] in verbs and not set(options) & set(words):
            # Packages that are named are judged by their own versions.
            return program == "cargo" or not names[1:]
    return False


def _without_python(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return `pip install …` for `python -m pip install …`."""
    if words and re.match(r"(?:.*/)?(?:python|pypy)[\d.]*$", words[0]) and "-m" in words[:6]:
        return words[words.index("-m") + 1 :]
    return words


def _manager_of(words: tuple[str, ...]) -> tuple[_Manager, tuple[str, ...]] | None:
    if not words:
        return None
    program = program_of(words)
    for manager in _MANAGERS:
        if re.fullmatch(manager.programs, program):
            return manager, words[1:]
    return None


def _after_verb(manager: _Manager, words: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the words after `install`; None if another command of the manager is called."""
    at = 0
    while at < len(words) and words[at].startswith("-") and words[at] not in manager.verbs:
        at += 2 if words[at] in manager.valued else 1
    for verb in manager.verbs:
        length = len(verb.split())
        if " ".join(words[at : at + length]) == verb:
            return words[at + length :]
    return None


def _packages(manager: _Manager, words: tuple[str, ...]) -> tuple[Package, ...]:
    packages = []
    version = git = ""
    at = 0
    while at < len(words):
        word = words[at]
        name, equals, value = word.partition("=")
        valued = word in manager.valued or word in manager.version
        if word.startswith("-"):
            value = value if equals else words[at + 1] if valued and at + 1 < len(words) else ""
            if name in manager.version:
                version = value
            if name == "--git":
                git = value
            if name in ("-e", "--editable") and value:
                packages.append(judged(value, manager.judge))
        elif word:
            packages.append(judged(word, manager.judge))
        at += 2 if valued else 1
    if git:
        packages = [Package(git, Pin.EXACT if version else Pin.GIT_MOVING)]
    elif version or (manager.valued is _PIP_OPTIONS and _CONSTRAINTS.intersection(words)):
        packages = [Package(one.text, Pin.EXACT) for one in packages]
    return tuple(packages)


def _takes_list(words: tuple[str, ...]) -> bool:
    """Whether packages are named in a file that the command is given."""
    return any(word.startswith(("-r", "--requirement", "-c", "--file", "-f")) for word in words)
