"""The benchmark runs, and counts what the page on performance says that it counts."""

import os
import re
import subprocess
import sys

import pytest

from tests.conftest import Need
from tests.programs import PROJECT

pytestmark = pytest.mark.heavy


def test_every_tool_is_compared_and_apptainer_is_the_unit(need: Need) -> None:
    need("apptainer", "siftool", "taskset", "gpg", "openssl")
    options = ("--sizes", "1", "--cores", "1", "--rounds", "1", "--no-cold", "--images", "20")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *options],
        cwd=PROJECT,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    rows = re.findall(
        r"^\| `(.+?)` \| ([\d.]+) \| .* \| ([\d.]+) MiB \|$", done.stdout, re.MULTILINE
    )
    ratios = {name: float(ratio) for name, ratio, _ in rows}
    assert ratios["apptainer verify"] == 1
    others = {"gpg --verify (detached)", "openssl dgst -sha256", "repro-sign, native, --deep"}
    assert others <= set(ratios)
    read = [float(count) for name, _, count in rows if name == "apptainer verify"]
    assert read[1] > 2 * read[0]  # once for each of four signatures
    assert "a folder of 20 images" in done.stdout
