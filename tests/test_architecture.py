"""What the code promises about itself: one home for each dependency, small explained files."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.programs import PROJECT

PACKAGE = PROJECT / "repro_sign"
SOURCES = sorted(PACKAGE.rglob("*.py"))
ONLY_IN = {
    "pysequoia": ("openpgp/",),
    "cryptography": ("openpgp/value.py", "pem/", "timestamps/"),
    "rfc3161_client": ("timestamps/rfc3161.py",),
    "gnupg": ("stores/gnupg_process.py",),
    "subprocess": ("system/process.py",),
    "blake3": ("hashing.py",),
    "platformdirs": ("system/locations.py",),
    "urllib": ("web.py", "web_address.py", "contents/", "report/lint.py", "provenance/source.py"),
    **dict.fromkeys(("http", "socket", "ssl"), ("web.py",)),
    "tomlkit": ("stores/trust_", "stores/memory.py", "locking/text.py", "ecl/generating.py"),
    "PySquashfsImage": ("contents/",),
    "zstandard": ("contents/",),
    "lz4": ("contents/",),
    "packaging": ("lint/requirement_files.py",),
    "yaml": ("lint/conda_files.py",),
    "dockerfile": ("lint/docker_file.py",),
    "click": ("cli/",),
    "rich": ("cli/",),
}
"""Where a module may be imported: a folder, a file, or the start of a name."""

ENVIRONMENT_READERS = {
    *("system/locations.py", "system/process.py", "cli/options.py", "cli/passphrases.py"),
    "provenance/run.py",  # the variables that the author names
}
ENVIRONMENT_NAMES = {
    *("environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"),
    *("expanduser", "expandvars"),
}
MAX_LINES = 350


def place(source: Path) -> str:
    return source.relative_to(PACKAGE).as_posix()


def tree_of(source: Path) -> ast.Module:
    return ast.parse(source.read_text(encoding="utf-8"), str(source))


def imports(tree: ast.Module) -> Iterator[str]:
    """Yield the top-level names of all modules that are imported, wherever that stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name.partition(".")[0] for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def environment_reads(tree: ast.Module) -> Iterator[int]:
    """Yield the lines in which the process's environment is reached."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in ENVIRONMENT_NAMES:
            yield node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module in ("os", "os.path"):
            yield from (node.lineno for one in node.names if one.name in ENVIRONMENT_NAMES)


each_source = pytest.mark.parametrize("source", SOURCES, ids=place)


@each_source
def test_each_dependency_has_one_home(source: Path) -> None:
    strays = {
        name
        for name in set(imports(tree_of(source))) & ONLY_IN.keys()
        if not place(source).startswith(ONLY_IN[name])
    }
    assert not strays


@pytest.mark.parametrize("name", sorted(ONLY_IN))
def test_each_home_is_lived_in(name: str) -> None:
    assert any(name in imports(tree_of(source)) for source in SOURCES)


@each_source
def test_the_environment_is_read_in_a_few_known_places(source: Path) -> None:
    reads = list(environment_reads(tree_of(source)))
    assert place(source) in ENVIRONMENT_READERS or not reads


@each_source
def test_a_file_can_be_read_in_one_sitting(source: Path) -> None:
    assert len(source.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@each_source
def test_a_module_says_what_it_knows(source: Path) -> None:
    explained = ast.get_docstring(tree_of(source))
    assert explained


@each_source
def test_no_import_is_relative(source: Path) -> None:
    relative = [
        node.lineno
        for node in ast.walk(tree_of(source))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert not relative
