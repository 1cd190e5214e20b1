"""The built wheel works on its own, without the source tree that it was made from."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from repro_sign import __version__
from tests.account import Account, Result, Signer
from tests.programs import PROJECT

_LEFT_OUT = ("repro_sign", "_repro_sign", "rfc3161_client")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel of this tree, in a copy of it. Skipped where its builder can't be had."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, source)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PROJECT / "repro_sign", source / "repro_sign", ignore=ignored)
    built = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", str(source), "--no-deps", "-w", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode and "hatchling" in built.stderr and "No matching" in built.stderr:
        pytest.skip("no network: pip can't get hatchling")
    assert built.returncode == 0, built.stderr
    shutil.rmtree(source)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel where the libraries are and this tree is not; return its program.

    Of the libraries, what the wheel calls an extra is left out.
    """
    folder = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", wheel],
        capture_output=True,
        check=True,
    )
    (packages,) = folder.glob("lib/python*/site-packages")
    # A folder of links: the development environment's own one leads back to this tree.
    libraries = folder / "libraries"
    libraries.mkdir()
    for one in Path(sysconfig.get_path("purelib")).iterdir():
        if one.suffix != ".pth" and not one.name.startswith(_LEFT_OUT):
            (libraries / one.name).symlink_to(one)
    (packages / "libraries.pth").write_text(f"{libraries}\n")
    return folder / "bin" / "repro-sign"


def run(program: Path, account: Account, *arguments: str | Path) -> Result:
    """Run the installed program from the account's home."""
    environment = {**account.environment}
    del environment["PYTHONPATH"]
    done = subprocess.run(
        [program, *arguments],
        env=environment,
        cwd=account.home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def test_the_installed_program_tells_its_version(program: Path, account: Account) -> None:
    done = run(program, account, "--version")
    assert (done.status, done.out) == (0, f"repro-sign {__version__}\n"), done.err


def test_the_installed_program_verifies_an_image(
    program: Path, ada: Signer, image: Path, account: Account
) -> None:
    ada.sign(image)
    done = run(program, account, "verify", "--json", "--signer", ada.fingerprint, image)
    assert done.status == 0, done.err
    assert done.image["verdict"] == "verified"


def test_without_its_extra_timestamps_say_what_to_install_and_all_else_works(
    program: Path, ada: Signer, image: Path, account: Account
) -> None:
    ada.sign(image)
    image.with_name("climate.sif.manifest.asc.tsr").write_bytes(b"whatever")
    verify = ("verify", "--signer", ada.fingerprint, image)
    done = run(program, account, *verify)
    assert done.status == 0, done.err
    assert "climate.sif.manifest.asc.tsr was not looked at" in done.out
    root = account.home / "root.pem"
    root.write_text("anything")
    for asking in (
        (*verify, "--tsa-cert", root),
        ("sign", image, "--timestamp", "https://a.example"),
    ):
        done = run(program, account, *asking)
        assert done.status == 3
        assert "pip install 'repro-sign[timestamp]'" in done.err


def test_the_installed_program_runs_its_own_code(program: Path, account: Account) -> None:
    python = program.with_name("python")
    code = "import repro_sign.cli.verify as one; print(one.__file__)"
    done = run(python, account, "-c", code)
    assert done.out.startswith(f"{program.parent.parent}{os.sep}"), done


def test_the_wheel_holds_every_module_and_the_licence_and_nothing_else(
    wheel: Path,
) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    files = [one for one in PROJECT.glob("repro_sign/**/*") if one.is_file()]
    needed = {str(one.relative_to(PROJECT)) for one in files if one.parent.name != "__pycache__"}
    assert needed <= names
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    assert {name.partition("/")[0] for name in names} == {
        "repro_sign",
        f"repro_sign-{__version__}.dist-info",
    }


def test_type_checkers_of_other_projects_see_the_types(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert "repro_sign/py.typed" in archive.namelist()
