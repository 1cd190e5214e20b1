"""Packages that are installed from within R and Julia: `R -e 'install.packages("x")'`."""

import re
from collections.abc import Iterator
from typing import Final

from repro_sign.lint.packages import Install, Package, Pin, by_at, git_pin
from repro_sign.lint.shell import matching
from repro_sign.lint.shell_command import program_of

_MAX_CALL: Final = 2000
"""Characters of a call's arguments that are looked at."""
_R: Final = re.compile(
    r"\b(install\.packages|install_version|install_github|install_gitlab|install_git|install_cran"
    r"|BiocManager::install|biocLite|pkg_install|pak|renv::install)\s*\("
)
_JULIA: Final = re.compile(
    r"\bPkg\.(add|develop|clone|update|upgrade)\s*\(|\bpkg\"(add|up|update)\b"
)
_STRING: Final = re.compile(r"\"([^\"\n]*)\"|'([^'\n]*)'")
_DATED: Final = re.compile(r"20\d\d-\d\d-\d\d")
_NAMED: Final = re.compile(
    r"\b(repos|lib|type|method|ref|upgrade|dependencies|INSTALL_opts|uuid|url|rev)\s*=\s*(?:c\()?[\"'][^\"']*[\"']"
)


def code_installs(words: tuple[str, ...], stdin: str) -> Iterator[Install]:
    """Yield what the code that a command hands to R or Julia installs."""
    program = program_of(words)
    code = "\n".join(words[1:]) if len(words) > 1 else ""
    code = f"{code}\n{stdin}"
    if program in ("R", "Rscript", "r", "littler"):
        yield from _r_installs(code)
    elif program == "julia":
        yield from _julia_installs(code)


def _r_installs(code: str) -> Iterator[Install]:
    dated = bool(_DATED.search(code) and "repos" in code)
    for found in _R.finditer(code):
        arguments = _arguments(code, found.end())
        names = _strings(arguments)
        versioned = "install_version" in found[1] or re.search(r"\bversion\s*=", arguments)
        if versioned:
            names = names[:1]
        exact = dated or bool(versioned)
        packages = tuple(_r_package(name, found[1], arguments, exact=exact) for name in names)
        if packages or not versioned:
            yield Install("R", packages or (Package(found[1], Pin.UNSEEN),))


def _r_package(name: str, function: str, arguments: str, *, exact: bool) -> Package:
    if function.startswith("install_git") or ("/" in name and "://" not in name):
        reference = re.search(r"\bref\s*=\s*[\"']([^\"']+)", arguments)
        return Package(name, git_pin(reference[1] if reference else name.partition("@")[2]))
    return Package(name, Pin.EXACT if exact else by_at(name))


def _julia_installs(code: str) -> Iterator[Install]:
    for found in _JULIA.finditer(code):
        if found[2]:
            end = code.find('"', found.end())
            names = code[found.end() : end if end >= 0 else None][:_MAX_CALL].split()
            arguments = ""
        else:
            arguments = _arguments(code, found.end())
            names = _strings(re.sub(r"\bversion\s*=\s*[\"'][^\"']*[\"']", "", arguments))
        moving = (found[1] or found[2]) in ("update", "upgrade", "up")
        versioned = re.search(r"\b(?:version|rev)\s*=", arguments) is not None
        packages = tuple(
            Package(name, Pin.EXACT if versioned and not moving else by_at(name)) for name in names
        )
        if packages or moving:
            yield Install("Julia", packages or (Package("Pkg.update", Pin.NONE),))


def _arguments(code: str, start: int) -> str:
    call = code[start : start + _MAX_CALL]
    return call[: matching(call, 0, ")")]


def _strings(arguments: str) -> list[str]:
    """Return the strings that name packages: all but the values of known parameters."""
    return [
        one or other for one, other in _STRING.findall(_NAMED.sub("", arguments)) if one or other
    ]
