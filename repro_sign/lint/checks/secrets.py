"""Secrets that were written into a recipe. What was found is never quoted."""

import re
from collections.abc import Iterator
from typing import Final

from repro_sign.lint.checks.quoting import quoted
from repro_sign.lint.finding import Remark

_MAX_LINE: Final = 4000
"""Characters of a line that are looked at."""
_FORMS: Final = (
    ("a private key", re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY")),
    ("an AWS access key", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("a GitHub token", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{50})")),
    ("a GitLab token", re.compile(r"\bglpat-[A-Za-z0-9_-]{20}")),
    ("a Slack token", re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{20}")),
    ("a Hugging Face token", re.compile(r"\bhf_[A-Za-z0-9]{30}")),
    ("a PyPI token", re.compile(r"\bpypi-[A-Za-z0-9_-]{50}")),
    ("an npm token", re.compile(r"\bnpm_[A-Za-z0-9]{36}")),
    ("a Google API key", re.compile(r"\bAIza[A-Za-z0-9_-]{35}")),
    ("a password in an address", re.compile(r"://[^/\s:@$<{]{1,100}:[^/\s:@$<{*]{3,200}@[\w.-]")),
)
_NAMED: Final = re.compile(
    r"\b([A-Za-z0-9_]{0,40}(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY))"
    r"(?:=|\s)[\"']?([^\s\"';&|]{6,})",
    re.IGNORECASE,
)
_SETTING: Final = re.compile(r"^\s*(?:ENV|ARG|LABEL|export|--?\w)|\w=", re.IGNORECASE)
_HARMLESS: Final = re.compile(
    r"(?i)\$|^[/~.<{%*]|^(?:your|my|change|example|dummy|none|null|true|false|placeholder|xxx|\.\.\.|test|file:|env:)"
)


def check_secrets(lines: list[str]) -> Iterator[Remark]:
    """Look for secrets, line by line."""
    for number, whole in enumerate(lines, 1):
        line = whole[:_MAX_LINE]
        form = next((what for what, form in _FORMS if form.search(line)), None)
        if form is not None:
            yield Remark("secret-in-recipe", number, f"this looks like {form}", number)
            continue
        named = _NAMED.search(line)
        if named and _SETTING.search(line) and not _HARMLESS.search(named[2]):
            message = f"{quoted(named[1])} has a value in the recipe"
            yield Remark("secret-like-value", number, message, number)
