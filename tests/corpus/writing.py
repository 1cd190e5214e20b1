"""Write the whole corpus to a folder, for other implementations: `scripts/make-corpus`.

Each case gets a folder with its image and what lies beside it; `index.json` says what is asked
of each, what the verdict has to be, and what the recorded Apptainer answers.
"""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.corpus.asking import arguments
from tests.corpus.cases import CASES, Case
from tests.corpus.recording import recorded
from tests.corpus.workshop import Workshop, open_workshop
from tests.programs import tools_path

RECORDED = "1.4.5"
"""The version of Apptainer whose answers are written."""


def main(target: Path) -> None:
    """Make all images anew (keys and signatures differ each time) and write them."""
    os.environ["PATH"] = tools_path()
    target.mkdir(parents=True)
    answers = recorded(RECORDED)
    with tempfile.TemporaryDirectory() as folder, open_workshop(Path(folder)) as workshop:
        rows = [
            _write(workshop, case, target, f"{number:03}", answers)
            for number, case in enumerate(CASES)
        ]
        shutil.copytree(workshop.folder / "public", target / "keys")
    index = {"apptainer": RECORDED, "cases": rows}
    text = json.dumps(index, indent=1, ensure_ascii=False) + "\n"
    (target / "index.json").write_text(text, encoding="utf-8")
    print(f"{target}: {len(rows)} cases", file=sys.stderr)


def _write(
    workshop: Workshop, case: Case, target: Path, name: str, answers: dict[str, str]
) -> dict[str, Any]:
    image = workshop.image(case)
    words = [str(one) for one in arguments(workshop, case)]
    shutil.copytree(image.parent, target / name)
    names = {str(image): f"{name}/{image.name}", str(workshop.folder / "public"): "keys"}
    for path, shown in names.items():
        words = [word.replace(path, shown) for word in words]
    return {
        "name": case.name,
        "arguments": words,
        "verdict": case.verdict,
        "status": case.status,
        "codes": sorted(case.codes),
        "apptainer": answers.get(case.name),
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
