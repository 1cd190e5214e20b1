"""Findings can be ignored with a reason; secrets are found and never shown."""

from pathlib import Path

import pytest

from tests.lint.reading import GOOD_BASE, codes, lint_text, post


@pytest.mark.parametrize(
    "text",
    [
        "pip install x  # repro-sign: ignore=package-not-pinned it is ours",
        "# repro-sign: ignore=package-not-pinned it is ours\npip install x",
        "# repro-sign: ignore=package-not-pinned it is ours\n# and more words\npip install x",
        "#repro-sign:ignore=package-not-pinned  because we said so\npip install x",
        "# repro-sign: ignore=package-not-pinned it is ours\npip install \\\n  x",
    ],
)
def test_a_finding_is_ignored_on_its_line_or_the_one_below(text: str, tmp_path: Path) -> None:
    assert codes(lint_text(tmp_path, "a.def", post(text))) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# repro-sign: ignore=package-range other\npip install x", ["16 package-not-pinned"]),
        ("# repro-sign: ignore=package-not-pinned a\ntrue\npip install x",
         ["17 package-not-pinned"]),
        ("pip install x # repro-sign: ignore=package-not-pinned\npip install y",
         ["15 ignore-without-reason", "15 package-not-pinned", "16 package-not-pinned"]),
        ("# repro-sign: ignore= nothing", ["15 ignore-unknown-code"]),
        ("# repro-sign: ignore=\x1b[31m nothing", ["15 ignore-unknown-code"]),
    ],
)  # fmt: skip
def test_what_is_not_ignored(text: str, expected: list[str], tmp_path: Path) -> None:
    found = lint_text(tmp_path, "a.def", post(text))
    assert codes(found) == expected
    assert "\x1b" not in "".join(one.message for one in found)


def test_an_unknown_code_is_named(tmp_path: Path) -> None:
    (one,) = lint_text(tmp_path, "a.def", post("# repro-sign: ignore=no-such-thing really"))
    assert one.message == "there is no finding no-such-thing"


def test_an_instruction_over_several_lines_is_ignored_above_it(tmp_path: Path) -> None:
    run = "RUN apt-get update \\\n && apt-get install -y git\n"
    reason = "# repro-sign: ignore=system-package-not-pinned only for the build\n"
    inside = run.replace(" &&", f"{reason} &&")
    for text in (reason + run, inside):
        dockerfile = f"FROM {GOOD_BASE}\n{text}"
        assert codes(lint_text(tmp_path, "Dockerfile", dockerfile), "system", "ignore") == []


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("requirements.txt", "x>=1", "package-range"),
        ("environment.yml", "dependencies:\n  - x", "package-not-pinned"),
        ("pyproject.toml", '[project]\ndependencies = ["x"]', "no-lock-file"),
    ],
)
def test_every_kind_of_file_has_comments(name: str, text: str, code: str, tmp_path: Path) -> None:
    assert codes(lint_text(tmp_path, name, text)) == [f"{len(text.splitlines())} {code}"]
    ignored = f"{text}  # repro-sign: ignore={code} for a reason"
    assert codes(lint_text(tmp_path, name, ignored)) == []


SECRETS = {
    "export AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE": "an AWS access key",
    "echo ghp_0123456789abcdefghijABCDEFGHIJ012345 > token": "a GitHub token",
    "export X=glpat-0123456789abcdefghij": "a GitLab token",
    "huggingface-cli login --token hf_0123456789abcdefghijABCDEFGHIJ0123": "a Hugging Face token",
    "git fetch https://ada:s3cretpass@example.org/a.git": "a password in an address",
    "echo '-----BEGIN OPENSSH PRIVATE KEY-----' > key": "a private key",
}


@pytest.mark.parametrize("line", SECRETS)
def test_a_secret_is_a_problem_and_is_not_repeated(line: str, tmp_path: Path) -> None:
    (one,) = (
        one for one in lint_text(tmp_path, "a.def", post(line)) if one.code == "secret-in-recipe"
    )
    assert one.message == f"this looks like {SECRETS[line]}"


@pytest.mark.parametrize(
    ("line", "suspected"),
    [
        ("export DB_PASSWORD=hunter2hunter2", True),
        ("export API_KEY='0123456789'", True),
        ("export API_KEY=$API_KEY", False),
        ("export API_KEY=${API_KEY:-}", False),
        ("export TOKENIZERS_PARALLELISM=false", False),
        ("export PASSWORD=changeme", False),
        ("export TOKEN=/run/secrets/token", False),
        ("export SECRET=<put yours here>", False),
        ("git clone -b v1 https://git@example.org/a", False),
        ("curl -o a https://example.org/a?token=$TOKEN; echo 'x a' | sha256sum -c", False),
        ("echo 'ask for a token: https://example.org/tokens'", False),
    ],
)
def test_names_of_secrets_are_advice_and_raise_few_false_alarms(
    line: str, suspected: bool, tmp_path: Path
) -> None:
    found = [one for one in lint_text(tmp_path, "a.def", post(line)) if "secret" in one.code]
    assert [one.code for one in found] == ["secret-like-value"] * suspected
    assert not any("hunter2" in one.message or "0123" in one.message for one in found)
