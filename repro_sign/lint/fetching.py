"""Which commands fetch something from elsewhere, where they put it, and which commands check it."""

import re
from typing import Final

from repro_sign.lint.packages import address_path
from repro_sign.lint.shell_command import ShellCommand, program_of, unwrapped
from repro_sign.lint.word_list import words
from repro_sign.values import dataclass


@dataclass(frozen=True, slots=True)
class Download:
    """A file that a command fetches: its address, and the name it is kept under ("" if unknown).

    `checked` if the command itself compares a digest.
    """

    address: str
    name: str
    checked: bool


_VALUED: Final = {
    "curl": words(
        "-o --output -H --header -A --user-agent -e --referer -u --user -x "
        "--proxy --retry --retry-delay --retry-max-time -m --max-time "
        "--connect-timeout -C --continue-at -X --request -d --data -F --form "
        "--cacert -E --cert --key -w --write-out --proto --ciphers -b --cookie -c "
        "--cookie-jar -r --range --limit-rate -T --upload-file --output-dir -K "
        "--config --resolve"
    ),
    "wget": words(
        "-O --output-document -P --directory-prefix -U --user-agent --header -t "
        "--tries -T --timeout --limit-rate -w --wait --waitretry -o --output-file "
        "-a --append-output --ca-certificate --user --password --post-data "
        "--referer -e --execute -Q --quota -l --level -A --accept -R --reject -i "
        "--input-file"
    ),
    "aria2c": words("-o --out -d --dir -x -s -j -k --header -i --input-file"),
    "axel": words("-o --output -n -H -U"),
}
"""The programs that download, and their options that take the next word with them."""
_NAMING: Final = {
    "curl": re.compile(r"-[a-zA-Z#]*o|--output"),
    "wget": re.compile(r"-[a-zA-Z]*O|--output-document"),
    "aria2c": re.compile(r"-o|--out"),
    "axel": re.compile(r"-[a-zA-Z]*o|--output"),
}
"""The option before the name that the file is kept under; its letter may follow others."""
_LOCAL: Final = re.compile(r"(?:\w+://)?(?:localhost|127\.|\[?::1|0\.0\.0\.0)")
_SUMS: Final = re.compile(
    r"(?:sha(?:1|224|256|384|512)|md5|b2|b3|xxh\d+)sum|shasum|cksum|gsha\d+sum|rhash"
)
_VERIFIERS: Final = words("gpg gpg2 gpgv cosign minisign signify slsa-verifier")
_CHECK: Final = re.compile(r"-[a-zA-Z]*[cV][a-zA-Z]*|--check|--verify|verify[\w-]*")
_SHELLS: Final = re.compile(r"(?:ba|da|z|k|a)?sh|python[\d.]*|perl|ruby|Rscript|node")


def download_of(command: ShellCommand) -> Download | None:
    """Return what a command downloads; None if it is no download, or one from this very machine."""
    words = unwrapped(command.words)
    program = program_of(words)
    if program not in _VALUED:
        return None
    address = name = ""
    at = 1
    while at < len(words):
        word = words[at]
        takes_name = _NAMING[program].fullmatch(word)
        if takes_name and at + 1 < len(words):
            name = words[at + 1]
        elif word.startswith("--") and _NAMING[program].fullmatch(word.partition("=")[0]):
            name = word.partition("=")[2]
        elif not word.startswith("-"):
            address = address or word
        at += 2 if takes_name or word in _VALUED[program] else 1
    if not address or _LOCAL.match(address):
        return None
    kept = name.strip("-") or command.output or address_path(address) or address
    checked = any(word.startswith("--checksum") for word in words)
    return Download(address, kept.rpartition("/")[2], checked)


def is_check(command: ShellCommand) -> bool:
    """Whether a command compares digests or checks a signature."""
    words = unwrapped(command.words)
    program = program_of(words)
    if _SUMS.fullmatch(program):
        # Within $(…) its result is compared with something.
        return command.nested or any(_CHECK.fullmatch(word) for word in words[1:])
    if program == "openssl":
        return command.nested and "dgst" in words
    return program in _VERIFIERS and any(_CHECK.fullmatch(word) for word in words[1:])


def runs_its_input(command: ShellCommand) -> bool:
    """Whether a command runs what it reads: `| sh`, `| python3 -`."""
    words = unwrapped(command.words)
    if not _SHELLS.fullmatch(program_of(words)):
        return False
    rest = words[1:]
    if "-c" in rest:
        return False
    plain = [word for word in rest if not word.startswith("-")]
    return not plain or any(word in ("-s", "-", "/dev/stdin") for word in rest)


_GIT_VALUED: Final = words(
    "-b --branch --depth -c --config -o --origin --reference -j --jobs "
    "--filter --shallow-since --shallow-exclude --template "
    "--separate-git-dir --revision --bundle-uri -C --git-dir --work-tree"
)


@dataclass(frozen=True, slots=True)
class GitCall:
    """A call of git: its command, what follows without options, and the branch that is named."""

    verb: str
    words: tuple[str, ...]
    reference: str


def git_call(command: ShellCommand) -> GitCall | None:
    """Take a call of git apart; None if it is none."""
    words = unwrapped(command.words)
    if program_of(words) != "git":
        return None
    plain: list[str] = []
    reference = ""
    at = 1
    while at < len(words):
        word = words[at]
        name, equals, value = word.partition("=")
        valued = word in _GIT_VALUED and not (plain[:1] == ["checkout"] and word == "-b")
        if name in ("-b", "--branch", "--revision") and (valued or equals):
            reference = value if equals else words[at + 1] if at + 1 < len(words) else ""
        if not word.startswith("-"):
            plain.append(word)
        at += 2 if valued else 1
    return GitCall(plain[0] if plain else "", tuple(plain[1:]), reference)


_FETCHERS: Final = {
    "svn": ("checkout", "co", "export", "update"),
    "hg": ("clone", "pull"),
    "gdown": ("",),
    "huggingface-cli": ("download",),
    "hf": ("download",),
    "aws": ("s3",),
    "gsutil": ("cp", "rsync"),
    "rclone": ("copy", "sync"),
    "dvc": ("pull", "fetch"),
    "kaggle": ("datasets", "competitions"),
    "datalad": ("get", "install", "clone"),
    "zenodo_get": ("",),
}


def fetches(command: ShellCommand) -> bool:
    """Whether a command brings something from elsewhere, package managers aside."""
    if download_of(command) is not None:
        return True
    call = git_call(command)
    if call is not None:
        return call.verb in ("clone", "pull", "fetch") or call.words[:1] == ("update",)
    words = unwrapped(command.words)
    verbs = _FETCHERS.get(program_of(words), ())
    return bool(verbs) and ("" in verbs or any(word in verbs for word in words[1:]))
