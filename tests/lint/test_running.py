"""What an image does when it is run: the command, its arguments, its seed, what it fetches."""

from pathlib import Path

import pytest

from repro_sign import LintLevel
from tests.lint.reading import GOOD_BASE, codes, lint_text


def definition(run: str, *, environment: str = "export LC_ALL=C", post: str = "") -> str:
    return (
        f"Bootstrap: docker\nFrom: {GOOD_BASE}\n%labels\nVersion 1\n"
        f"%environment\n{environment}\n%post\n{post}\n{run}\n"
    )


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ("", ["no-command"]),
        ("%runscript\n", ["no-command"]),
        ("%runscript\nexec python3 \"$@\"", ["no-command"]),
        ("%runscript\nexec \"$@\"", ["no-command"]),
        ("%runscript\n/bin/bash", ["no-command"]),
        ("%runscript\ncd /opt\nexport X=1", ["no-command"]),
        ("%runscript\npython run.py", ["no-arguments"]),
        ("%runscript\npython -u /opt/run.py \"$@\"", ["no-arguments"]),
        ("%runscript\npython -m paper \"$@\"", ["no-arguments"]),
        ("%runscript\npython run.py --steps 10 \"$@\"", []),
        ("%runscript\npython run.py \"${@:---steps=10}\"", []),
        ("%runscript\nmpirun -n 4 solver case.in", []),
        ("%runscript\nexec conda run -n paper python run.py 10", []),
        ("%runscript\nR --no-save < analysis.R", ["no-arguments"]),
        ("%startscript\nserver --port 80", []),
        ("%apprun one\npython one.py 1\n%apprun two\npython two.py 2", []),
    ],
)  # fmt: skip
def test_the_command_of_a_definition_file(run: str, expected: list[str], tmp_path: Path) -> None:
    text = definition(run, environment="export RANDOM_SEED=1")
    assert [one.code for one in lint_text(tmp_path, "a.def", text)] == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("", ["no-command"]),
        ('CMD ["python"]', ["no-command"]),
        ("CMD python", ["no-command"]),
        ('ENTRYPOINT ["python"]\nCMD ["run.py", "1"]', []),
        ('ENTRYPOINT ["python", "run.py"]', ["no-arguments"]),
        ('ENTRYPOINT ["python", "run.py"]\nCMD ["--n", "1"]', []),
        ("ENTRYPOINT exec python run.py --n 1", []),
        ('ENTRYPOINT ["tini", "--", "python", "run.py", "1"]', []),
        ('ENTRYPOINT ["sh", "-c", "python run.py --n 1"]', []),
        ('CMD ["--n", "1"]\nENTRYPOINT ["python", "run.py"]', []),
        ('CMD ["python", "run.py", "1"]\nFROM one AS two\nENTRYPOINT ["python"]', ["no-command"]),
        ('ENTRYPOINT ["python"]\nFROM one AS two\nCMD ["run.py", "1"]', []),
    ],
)
def test_the_command_of_a_dockerfile(lines: str, expected: list[str], tmp_path: Path) -> None:
    text = f"FROM {GOOD_BASE} AS one\nENV RANDOM_SEED=1\nLABEL version=1\n{lines}\n"
    assert [one.code for one in lint_text(tmp_path, "Dockerfile", text)] == expected


@pytest.mark.parametrize(
    ("environment", "run", "is_set"),
    [
        ("export RANDOM_SEED=42", "python run.py 1", True),
        ("PYTHONHASHSEED=0", "python run.py 1", True),
        ("export SEED=${SEED:-42}", "python run.py 1", True),
        ("X=1", "python run.py --seed 42", True),
        ("X=1", "python run.py --random-seed=42", True),
        ("X=1", "python run.py --seed ${1:-42}", True),
        ("X=1", "export SEED=42\npython run.py 1", True),
        ("X=1", "Rscript -e 'set.seed(42); source(\"a.R\")'", True),
        ("export RANDOM_SEED=$RANDOM", "python run.py 1", False),
        ("export RANDOM_SEED=$(date +%s)", "python run.py 1", False),
        ("export RANDOM_SEED=", "python run.py 1", False),
        ("export RANDOM_SEED=$SEED", "python run.py 1", False),
        ("X=1", "python run.py --seed $RANDOM", False),
        ("X=1", "python run.py --seedling", False),
    ],
)
def test_what_counts_as_a_seed(environment: str, run: str, is_set: bool, tmp_path: Path) -> None:
    text = definition(f"%runscript\n{run}", environment=environment)
    found = [one.code for one in lint_text(tmp_path, "a.def", text)]
    assert found == ([] if is_set else ["seed-not-set"])


@pytest.mark.parametrize(
    ("base", "post", "run", "level"),
    [
        ("alpine:3.22.1", "", "/opt/tool x", LintLevel.ADVICE),
        ("alpine:3.22.1", "apk add py3-numpy=1.26.4-r0", "/opt/tool x", LintLevel.ADVICE),
        ("alpine:3.22.1", "pip install numpy==1.26.4", "/opt/tool x", LintLevel.PROBLEM),
        ("alpine:3.22.1", "conda install pytorch==2.1.2", "/opt/tool x", LintLevel.PROBLEM),
        ("alpine:3.22.1", "", "julia main.jl 1", LintLevel.PROBLEM),
        ("rocker/r-ver:4.3.2", "", "/opt/tool x", LintLevel.PROBLEM),
    ],
)  # fmt: skip
def test_a_missing_seed_is_a_problem_where_random_numbers_are_likely(
    base: str, post: str, run: str, level: LintLevel, tmp_path: Path
) -> None:
    text = definition(f"%runscript\n{run}", post=post).replace(GOOD_BASE, base)
    (found,) = (one for one in lint_text(tmp_path, "a.def", text) if "seed" in one.code)
    assert found.level is level


@pytest.mark.parametrize(
    "command",
    [
        "pip install torch==2.1.2",
        "conda install -y numpy==1.26.4",
        "git pull",
        "git clone -b v1 https://example.org/a",
        "curl -O https://example.org/a",
        "wget -qO- https://example.org/a | tar x",
        "test -d code || git clone https://example.org/code",
        "apt-get update && apt-get install -y libx=1",
        "npm install",
        "Rscript -e 'install.packages(\"x\")'",
        "aws s3 cp s3://bucket/a .",
        "bash -c 'pip install x'",
    ],
)
def test_what_is_fetched_when_the_image_runs_is_a_problem(command: str, tmp_path: Path) -> None:
    text = definition(f"%runscript\n{command}\n/opt/tool --seed 1")
    found = lint_text(tmp_path, "a.def", text)
    assert {one.code for one in found} == {"fetched-at-run-time"}
    for keyword in ("ENTRYPOINT", "CMD"):
        text = f"FROM {GOOD_BASE}\n{keyword} {command}\n"
        assert codes(lint_text(tmp_path, "Dockerfile", text), "fetched") == [
            "2 fetched-at-run-time"
        ] * len(found)


@pytest.mark.parametrize(
    "command",
    ["curl -s localhost:80", "git log -1", "echo pip install x", "pip list", "conda list"],
)
def test_what_fetches_nothing_is_none(command: str, tmp_path: Path) -> None:
    text = definition(f"%runscript\n{command}\n/opt/tool --seed 1")
    assert codes(lint_text(tmp_path, "a.def", text)) == []


def test_a_health_check_is_not_the_command(tmp_path: Path) -> None:
    text = f"FROM {GOOD_BASE}\nHEALTHCHECK CMD curl -f https://example.org\nCMD /opt/t --seed 1\n"
    assert codes(lint_text(tmp_path, "Dockerfile", text), "fetched", "no-command") == []
