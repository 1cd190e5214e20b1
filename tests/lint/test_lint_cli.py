"""`repro-sign lint` on the command line: text, JSON, SARIF, statuses, images, missing parsers."""

import json
import shutil
from pathlib import Path

import pytest

from repro_sign import lint_recipe
from tests.account import Account
from tests.conftest import Need
from tests.lint.reading import RECIPES, all_recipes
from tests.programs import SARIF_SCHEMA

BAD, GOOD = RECIPES / "quickstart.def", RECIPES / "good-requirements.txt"
ADVICE = "Bootstrap: docker\nFrom: example/tool:1.2.3\n%runscript\n/opt/tool --seed 1\n"


def test_text_says_where_and_what_and_what_to_do(account: Account) -> None:
    result = account.run("lint", BAD)
    assert (result.status, result.err) == (1, "")
    lines = result.out.splitlines()
    what = "https://github.com/example/model is cloned at no commit or tag"
    assert f"{BAD}:8: problem: {what} [git-not-pinned]" in lines
    assert "    fix: name the commit: git clone URL DIR && git -C DIR checkout COMMIT" in lines
    assert lines[-1] == f"{BAD}: 7 problems, 3 of advice"


def test_nothing_to_say_is_success(account: Account) -> None:
    result = account.ok("lint", GOOD)
    assert (result.out, result.err) == (f"{GOOD}: nothing to say\n", "")


def test_advice_alone_is_success(account: Account, tmp_path: Path) -> None:
    (tmp_path / "a.def").write_text(ADVICE)
    result = account.ok("lint", tmp_path / "a.def")
    assert "advice: " in result.out
    assert "problem: " not in result.out
    assert account.ok("lint", "-q", tmp_path / "a.def").out == ""


def test_quiet_prints_problems_alone(account: Account) -> None:
    lines = account.run("lint", "--quiet", BAD).out.splitlines()
    assert len(lines) == 7
    assert all(": problem: " in line for line in lines)


def test_json_has_the_members_that_are_promised(account: Account) -> None:
    result = account.run("lint", "--json", BAD, GOOD)
    assert result.status == 1
    assert set(result.json) == {"schema", "findings"}
    assert result.json["schema"] == 1
    members = {"code", "level", "file", "line", "message", "fix"}
    assert all(set(one) == members for one in result.json["findings"])
    assert {one["level"] for one in result.json["findings"]} == {"problem", "advice"}
    assert len(result.json["findings"]) == len(lint_recipe(BAD))


def test_several_files_and_one_that_is_not_there(account: Account, tmp_path: Path) -> None:
    missing = tmp_path / "missing.def"
    both = account.run("lint", missing, BAD)
    assert both.status == 1
    assert both.err == f"repro-sign: error: {missing}: No such file or directory\n"
    assert "problem" in both.out
    assert account.run("lint", GOOD, missing).status == 3
    assert account.run("lint", missing).out == ""
    assert account.run("lint", "--json", missing).out == ""


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("photo.jpg", b"\xff\xd8\xff\xe0\0\x10JFIF", "not a text file"),
        ("notes.txt", b"Dear reader,\n\nthis is a letter.\n", "can't tell what kind"),
        ("other.yml", b"a: 1\n", "can't tell what kind"),
        ("environment.yml", b"dependencies: [\n", "not a YAML file"),
        ("environment.yml", b"dependencies: " + b"[" * 20_000, "not a YAML file"),
        ("pyproject.toml", b"[project\n", "as TOML"),
        ("pyproject.toml", b"a = " + b"[" * 20_000, "as TOML"),
        ("Dockerfile", b"RUN true\n", "it has no FROM"),
        ("Dockerfile", b"FROM x\nRUN <<EOF\n", "unterminated heredoc"),
        ("Dockerfile", b"FROM x\n" * 600, "more than 500 stages"),
        ("Dockerfile", b"FROM x\n" + b"#" * (129 << 10), "larger than any Dockerfile"),
        ("a.def", b"#" * (257 << 10), "larger than any definition file"),
        ("requirements.txt", b"x\n" * 10_001, "more than 10000 requirements"),
        ("big.def", b"#" * (2 << 20), "larger than any recipe"),
    ],
)
def test_what_is_no_recipe_gets_no_answer(
    name: str, content: bytes, said: str, account: Account, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    result = account.run("lint", path)
    assert (result.status, result.out) == (3, "")
    assert result.err.startswith(f"repro-sign: error: {path}")
    assert said in result.err


def test_wrong_usage(account: Account) -> None:
    assert account.run("lint").status == 2
    assert account.run("lint", "--json", "--sarif", GOOD).status == 2
    assert account.run("lint", RECIPES).status == 3


def test_the_kind_is_told_by_name_or_content(account: Account, tmp_path: Path) -> None:
    named = {
        "hub.def": ("Singularity", "Singularity.1.0", "Apptainer", "recipe", "recipe.txt"),
        "julia.dockerfile": (
            "Dockerfile",
            "Dockerfile.dev",
            "dev.Dockerfile",
            "Containerfile",
            "x",
        ),
        "loose-requirements.txt": ("requirements-dev.txt", "requirements/a.txt"),
        "good-requirements.txt": ("dev-requirements.in", "constraints.txt"),
        "environment.yml": ("conda.yaml",),
        "explicit.txt": ("linux-64.lock",),
    }
    for source, names in named.items():
        expected = [(one.line, one.code) for one in lint_recipe(RECIPES / source)]
        for name in names:
            path = tmp_path / source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(RECIPES / source, path)
            assert [(one.line, one.code) for one in lint_recipe(path)] == expected, name


def test_the_definition_file_inside_an_image_is_linted(image: Path, account: Account) -> None:
    definition = account.ok("inspect", "--json", image).json["definition"]
    path = image.with_name("same.def")
    path.write_text(definition)
    inside = account.run("lint", "--json", image).json["findings"]
    assert [(one["line"], one["code"]) for one in inside] == [
        (one.line, one.code) for one in lint_recipe(path)
    ]
    assert inside
    assert {one["file"] for one in inside} == {str(image)}
    image.write_bytes(image.read_bytes()[:2000])
    assert account.run("lint", image).status == 3


def test_a_lock_file_beside_makes_ranges_right(tmp_path: Path) -> None:
    path = Path(shutil.copy(RECIPES / "project" / "pyproject.toml", tmp_path))
    assert [one.code for one in lint_recipe(path)] == ["no-lock-file"]
    (tmp_path / "uv.lock").touch()
    assert lint_recipe(path) == ()
    source = tmp_path / "requirements.in"
    source.write_text("numpy\n")
    assert [one.code for one in lint_recipe(source)] == ["package-not-pinned"]
    (tmp_path / "requirements.txt").write_text("numpy==1.26.4\n")
    assert lint_recipe(source) == ()


@pytest.mark.parametrize(
    ("name", "library"), [("julia.dockerfile", "dockerfile"), ("environment.yml", "yaml")]
)
def test_without_its_parser_a_file_gets_no_answer_but_a_hint(
    name: str, library: str, account: Account
) -> None:
    (account.home / f"{library}.py").write_text("raise ImportError('not installed')\n")
    path = account.environment["PYTHONPATH"]
    poor = account.with_variables(PYTHONPATH=f"{account.home}:{path}")
    result = poor.run("lint", RECIPES / name)
    assert (result.status, result.out) == (3, "")
    assert "is not installed" in result.err
    assert "repro-sign: hint: pip install 'repro-sign[lint]'" in result.err
    assert poor.run("lint", BAD).status == 1


def test_names_that_are_terminal_escapes_are_shown_and_not_obeyed(
    account: Account, tmp_path: Path
) -> None:
    path = tmp_path / "\x1b[31mred.def"
    path.write_text(
        "Bootstrap: docker\nFrom: \x1b]0;title\x07\u202eimage\n%post\n"
        "pip install \x1b[2Jnumpy\ncurl https://\x1b[8m\n%\x1bsection\n"
    )
    for options in ((), ("--json",), ("--sarif",), ("-q",)):
        result = account.run("lint", *options, path)
        assert result.status == 1
        assert not {"\x1b", "\x07", "\u202e"} & set(result.out + result.err)


def test_sarif_names_each_rule_once_and_each_place(account: Account, tmp_path: Path) -> None:
    shutil.copy(BAD, tmp_path / "my recipe.def")
    result = account.run("lint", "--sarif", "my recipe.def", BAD, cwd=tmp_path)
    assert result.status == 1
    log = result.json
    (run,) = log["runs"]
    rules = [one["id"] for one in run["tool"]["driver"]["rules"]]
    assert len(rules) == len(set(rules))
    for one in run["results"]:
        assert rules[one["ruleIndex"]] == one["ruleId"]
        assert one["level"] in ("error", "note")
    places = {
        one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in run["results"]
    }
    assert places == {"my%20recipe.def", BAD.as_uri()}


@pytest.mark.heavy
def test_sarif_is_as_its_schema_says(account: Account, need: Need) -> None:
    import jsonschema

    schema = json.loads(need.file(SARIF_SCHEMA).read_text(encoding="utf-8"))
    check = jsonschema.Draft7Validator(schema)
    for paths in ([GOOD], list(all_recipes())):
        log = account.run("lint", "--sarif", *paths).json
        assert [error.message for error in check.iter_errors(log)] == []
    log["runs"][0]["results"][0]["level"] = "grave"
    assert not check.is_valid(log), "the schema refuses what is wrong"
