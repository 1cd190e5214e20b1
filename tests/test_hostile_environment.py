"""Whatever surrounds a command: it does what it would do alone, or it refuses and says why."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tests.account import Account, Signer
from tests.conftest import Need

PASSED_TO_CHILDREN = {
    *("PATH", "LC_ALL", "HOME", "TMPDIR", "TERM", "XDG_RUNTIME_DIR"),
    *("GIT_ALLOW_PROTOCOL", "GIT_CEILING_DIRECTORIES", "GIT_OPTIONAL_LOCKS"),
    *("GIT_TERMINAL_PROMPT", "GIT_INDEX_FILE"),
    *("PWD", "SHLVL", "OLDPWD", "_"),  # what the recording shell adds itself
}
"""All that any program may be told; Apptainer's own variables are those that we set."""
HOSTILE = {
    **{f"{tool}_{name}": "/evil" for tool in ("APPTAINER", "SINGULARITY") for name in (
        *("BIND", "BINDPATH", "CONFIG_FILE", "TMPDIR", "CACHEDIR", "LOCALCACHEDIR"),
        *("VERIFY_KEY", "SIGN_KEY", "SYPGPDIR", "DOCKER_PASSWORD", "ENCRYPTION_PASSPHRASE"),
    )},
    **{f"GIT_{name}": "/evil" for name in (
        *("DIR", "WORK_TREE", "INDEX_FILE", "OBJECT_DIRECTORY", "EXEC_PATH", "TEMPLATE_DIR"),
        *("ALTERNATE_OBJECT_DIRECTORIES", "CONFIG_GLOBAL", "CONFIG_SYSTEM", "COMMON_DIR"),
        *("PAGER", "EDITOR", "ASKPASS", "SSH_COMMAND", "PROXY_COMMAND", "EXTERNAL_DIFF"),
    )},
    "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.fsmonitor",
    "GIT_CONFIG_VALUE_0": "touch ran", "GIT_TRACE": "1",
    "LD_LIBRARY_PATH": "/evil", "GLIBC_TUNABLES": "x", "GCONV_PATH": "/evil",
    "PYTHONSTARTUP": "/evil", "PYTHONINSPECT": "", "PYTHONBREAKPOINT": "os.system",
    "GPG_AGENT_INFO": "/evil:1:1", "GNUPG_BUILD_ROOT": "/evil", "ENV": "/evil",
    "BASH_ENV": "/evil", "IFS": "x", "CDPATH": "/evil", "PERL5OPT": "-e1", "EDITOR": "/evil",
}  # fmt: skip
RECORDER = """#!/bin/sh
{{ echo "== {name}"; env; echo; echo "fds: $(ls /proc/$$/fd | tr '\\n' ' ')"; }} >> {log}
exec {real} "$@"
"""


def recorded(folder: Path, *names: str) -> tuple[Path, Path]:
    """Put programs into a folder that note what they are told, and then run the real ones."""
    (programs := folder / "programs").mkdir()
    log = folder / "log"
    log.touch()
    for name in names:
        program = programs / name
        program.write_text(RECORDER.format(name=name, log=log, real=shutil.which(name)))
        program.chmod(0o755)
    return programs, log


def repository(folder: Path) -> Path:
    """Make a git repository with one commit and a lock file."""
    (folder / "src").mkdir()
    (folder / "src" / "requirements.txt").write_text("numpy==2.1.0\n")
    for command in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "one"],
    ):
        subprocess.run(["git", *command], cwd=folder / "src", check=True)
    return folder / "src"


@pytest.mark.parametrize("store", ["apptainer", "gnupg"])
def test_programs_are_told_nothing_but_what_they_need(
    account: Account, image: Path, tmp_path: Path, need: Need, store: str
) -> None:
    need("apptainer", "gpg", "git")
    programs, log = recorded(tmp_path, "apptainer", "gpg", "git", "gpgconf", "gpg-connect-agent")
    source = repository(tmp_path)
    path = f"{programs}:{os.environ['PATH']}"
    hostile = account.with_variables(**HOSTILE, PATH=path)
    key = hostile.make_signer("Ada Author", "ada@uni.example", store)
    key.sign(image, "--source", source)
    checked = hostile.verify(image, "--engine", "both", "--source", source)
    assert (checked.status, checked.image["verdict"]) == (0, "verified")
    assert not list(tmp_path.rglob("ran"))
    text = log.read_text()
    started = {line[3:] for line in text.splitlines() if line.startswith("== ")}
    assert {"apptainer", "gpg", "git"} <= started
    told = {line.partition("=")[0] for line in text.splitlines() if "=" in line and line[0] != "="}
    ours = {name for name in told if name.startswith(("APPTAINER_", "SINGULARITY_"))}
    assert told - PASSED_TO_CHILDREN - ours == set()
    assert "/evil" not in text


def test_programs_get_no_open_file_of_ours(
    account: Account, author: Signer, image: Path, tmp_path: Path, need: Need
) -> None:
    """The recorder sees 0, 1, 2, and what apptainer is handed on purpose: files by their number."""
    need("apptainer", "gpg", "git")
    author.sign(image)
    programs, log = recorded(tmp_path, "git", "gpg")
    watched = author.account.with_variables(PATH=f"{programs}:{os.environ['PATH']}")
    with (tmp_path / "secret").open("w") as kept:
        os.set_inheritable(kept.fileno(), True)
        argv = watched.argv("sign", image, "--again", "--source", repository(tmp_path))
        subprocess.run(
            argv, env=watched.environment, pass_fds=(kept.fileno(),), check=True,
            capture_output=True, timeout=120,
        )  # fmt: skip
        number = str(kept.fileno())
    lines = [one for one in log.read_text().splitlines() if one.startswith("fds: ")]
    assert lines
    assert not [one for one in lines if number in one.split()[1:]]


@pytest.mark.parametrize("entry", ["", ".", "bin"])
def test_programs_that_lie_in_the_current_folder_are_not_run(
    account: Account, author: Signer, image: Path, tmp_path: Path, need: Need, entry: str
) -> None:
    need("apptainer", "gpg", "git")
    author.sign(image)
    trap = tmp_path / "trap"
    for folder in (trap, trap / "bin"):
        folder.mkdir()
        for name in (
            "apptainer",
            "singularity",
            "gpg",
            "git",
            "gpgconf",
            "gpg-agent",
            "nvidia-smi",
        ):
            (folder / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
            (folder / name).chmod(0o755)
    lured = account.with_variables(PATH=f"{entry}:{os.environ['PATH']}")
    source = repository(tmp_path)
    for command in (
        ("verify", image, "--signer", author.fingerprint, "--engine", "both", "--source", source),
        ("keygen", "--name", "A", "--email", "a@b.example", "--store", "gnupg", "--no-passphrase"),
        ("sign", image, "--source", source),
        ("doctor",),
    ):
        lured.run(*command, cwd=trap)
    assert not (tmp_path / "ran").exists()


def modes(*folders: Path) -> dict[Path, int]:
    """Return the modes of all regular files and folders below these."""
    paths = [path for folder in folders for path in (folder, *folder.rglob("*"))]
    kinds = [path for path in paths if path.is_dir() or path.is_file()]
    return {path: stat.S_IMODE(path.lstat().st_mode) for path in kinds if not path.is_symlink()}


@pytest.mark.parametrize("store", ["apptainer", "gnupg", "pem"])
def test_with_a_umask_of_0_nothing_is_open_to_others(
    account: Account, image: Path, tmp_path: Path, need: Need, store: str
) -> None:
    need("apptainer", "gpg")
    (secret := tmp_path / "passphrase").touch(0o600)
    secret.write_text("correct horse battery staple")
    (tmp_path / "public").mkdir()
    before = os.umask(0)
    try:
        options = ("--store", store, "--passphrase-file", secret, "--out", tmp_path / "public")
        person = ("--name", "Ada", "--email", "ada@uni.example")
        made = account.ok("keygen", *person, *options, "--json").json
        account.ok("sign", image, "--passphrase-file", secret)
        account.ok("verify", image, "--remember")
        if store != "pem":
            backup = ("key", "backup", made["fingerprint"], "-o", tmp_path / "backup")
            account.ok(*backup, "--passphrase-file", secret)
            assert not modes(tmp_path)[tmp_path / "backup"] & 0o077
        account.end_agents()
    finally:
        os.umask(before)
    found = modes(account.home, image.parent)
    reached = {path: mode for path, mode in found.items() if found.get(path.parent, 0o755) & 0o077}
    assert not {path: oct(mode) for path, mode in reached.items() if mode & 0o022}
    for folder in (".apptainer/keys", ".gnupg", ".config/repro-sign"):
        if account.home.joinpath(folder).exists():
            assert not found[account.home / folder] & 0o077


@pytest.mark.parametrize("name", ["trust.toml", "repro-sign.toml"])
@pytest.mark.parametrize(
    ("folder_mode", "file_mode", "believed"),
    [
        pytest.param(0o700, 0o666, True, id="a closed folder"),
        pytest.param(0o755, 0o644, True, id="open to be read"),
        pytest.param(0o755, 0o666, False, id="a file that everybody can write"),
        pytest.param(0o755, 0o664, False, id="a file that a group can write"),
        pytest.param(0o777, 0o644, False, id="a folder that everybody can write"),
        pytest.param(0o1777, 0o644, False, id="one in which only one's own can be removed"),
    ],
)
def test_settings_that_others_can_write_are_not_believed(
    account: Account, grace: Signer, image: Path, name: str,
    folder_mode: int, file_mode: int, believed: bool,
) -> None:  # fmt: skip
    grace.sign(image)
    account.ok("trust", "add", grace.public_key, "--yes")
    settings = account.home / ".config" / "repro-sign"
    if name == "repro-sign.toml":
        rules = f'[[signer]]\nname = "ada"\nfingerprint = "{grace.fingerprint}"\n'
        (settings / name).write_text(rules + '[[rule]]\nrequire = "ada"\n')
        settings.joinpath("trust.toml").chmod(0o644)
    assert account.verify(image).status == 0
    settings.joinpath(name).chmod(file_mode)
    settings.chmod(folder_mode)
    answer = account.run("verify", image)
    if believed:
        assert answer.status == 0
        return
    assert answer.status == 3
    assert "others can write" in answer.err
    assert "chmod go-w" in answer.err
    assert "VERIFIED" not in answer.out
    named = account.verify(image, "--signer", grace.fingerprint)
    assert named.status == 0  # what the caller says does not depend on the settings
    assert account.run("doctor").status == 1


@pytest.mark.parametrize("open_folder", [".", "remembered"])
def test_a_memory_that_others_could_take_away_is_no_answer(
    account: Account, grace: Signer, image: Path, open_folder: str
) -> None:
    grace.sign(image)
    command = ("verify", image, "--remember", "--signer", grace.fingerprint)
    account.ok(*command)
    settings = account.home / ".config" / "repro-sign"
    (settings / open_folder).chmod(0o777)
    for path in settings.glob("remembered/*.toml"):
        path.unlink()  # as others can do: it would be a first sight now
    answer = account.run(*command)
    assert answer.status == 3
    assert "others can write" in answer.out + answer.err
    (settings / open_folder).chmod(0o700)
    account.ok(*command)


def test_settings_of_another_user_are_not_believed(
    account: Account, grace: Signer, image: Path
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to another user")
    grace.sign(image)
    account.ok("trust", "add", grace.public_key, "--yes")
    os.chown(account.home / ".config" / "repro-sign", 12345, 12345)
    answer = account.run("verify", image)
    assert answer.status == 3
    assert "belongs to another user" in answer.err


@pytest.mark.parametrize("store", ["apptainer", "gnupg", "pem"])
def test_a_key_folder_that_others_can_write_is_not_signed_from(
    account: Account, image: Path, need: Need, store: str
) -> None:
    """Somebody could put a key of their own there, and it would sign in the author's stead."""
    need("apptainer", "gpg")
    account.make_signer("Ada Author", "ada@uni.example", store)
    folders = {"apptainer": ".apptainer/keys", "gnupg": ".gnupg"}
    folder = account.home / folders.get(store, ".config/repro-sign/pem-keys")
    before = image.read_bytes()
    folder.chmod(0o777)
    answer = account.run("sign", image)
    assert answer.status == 1
    assert f"others can write {folder}" in answer.err
    assert image.read_bytes() == before
    folder.chmod(0o700)
    account.ok("sign", image)


def test_a_folder_for_temporary_files_that_is_a_link_does_no_harm(
    account: Account, author: Signer, image: Path, tmp_path: Path
) -> None:
    (real := tmp_path / "real").mkdir()
    (link := tmp_path / "link").symlink_to(real)
    author.account.with_variables(TMPDIR=str(link)).ok("sign", image)
    assert account.verify(image, "--signer", author.fingerprint).status == 0
    assert list(real.iterdir()) == []


@pytest.mark.parametrize("store", ["apptainer", "gnupg"])
def test_files_of_settings_for_git_and_gpg_change_nothing(
    account: Account, image: Path, tmp_path: Path, need: Need, store: str
) -> None:
    """Somebody else's .gitconfig and gpg.conf start nothing and leave the answer as it is."""
    need("apptainer", "gpg", "git")
    source = repository(tmp_path)
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\ncat\n")
    trap.chmod(0o755)
    account.home.joinpath(".gitconfig").write_text(
        f"[core]\nfsmonitor = {trap}\nhooksPath = {tmp_path}\npager = {trap}\neditor = {trap}\n"
        f'sshCommand = {trap}\n[filter "x"]\nclean = {trap}\nsmudge = {trap}\n'
        f'[diff "x"]\ntextconv = {trap}\n[diff]\nexternal = {trap}\n[gpg]\nprogram = {trap}\n'
        f"[credential]\nhelper = {trap}\n[alias]\nrev-parse = !{trap}\n"
    )
    for name in ("post-index-change", "reference-transaction"):
        shutil.copy(trap, tmp_path / name)
    source.joinpath(".gitattributes").write_text("* filter=x diff=x\n")
    (gnupg := account.home / ".gnupg").mkdir(mode=0o700)
    gnupg.joinpath("gpg.conf").write_text(
        "digest-algo SHA1\ncomment <script>\nthrow-keyids\nlocal-user 0xDEADBEEF\n"
        f"agent-program {trap}\nphoto-viewer {trap}\nkeyserver hkp://127.0.0.1:9\n"
        f"auto-key-retrieve\nlog-file {tmp_path}/ran\n"
    )
    key = account.make_signer("Ada Author", "ada@uni.example", store)
    key.sign(image, "--source", source)
    assert account.verify(image, "--source", source, "--engine", "both").image["verdict"]
    assert account.verify(image, "--signer", key.fingerprint).status == 0
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "what", ["exit 0", "exit 2", "echo gpg 9", "kill -KILL $$", "cat /dev/null >&2"]
)
def test_a_gpg_that_says_nothing_of_use_is_said(
    account: Account, grace: Signer, image: Path, tmp_path: Path, what: str
) -> None:
    grace.sign(image)
    before = image.read_bytes()
    program = tmp_path / "programs" / "gpg"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{what}\n")
    program.chmod(0o755)
    path = f"{program.parent}:{os.environ['PATH']}"
    author = grace.account.with_variables(PATH=path)
    new = ("--name", "Ada", "--email", "ada@uni.example", "--no-passphrase", "--store", "gnupg")
    for command in (("sign", image), ("key", "list"), ("doctor",), ("keygen", *new)):
        result = author.run(*command)
        assert "Traceback" not in result.err, command
        assert result.status in (0, 1, 3), command
        assert "gpg" in result.out + result.err, command
    assert image.read_bytes() == before
    reader = account.with_variables(PATH=path)  # has no use for it
    assert reader.run("verify", image, "--key", grace.public_key).status == 0
