"""Ask whether a version in requirements/ has a known weakness (pip-audit).

    python scripts/advisories.py [--strict] [PIP-AUDIT-OPTION...]

Exit status: 0 none is known, 1 there are some, 3 not all could be asked about. Without --strict
what could not be asked about is said, and no error: checks have to be possible without a network.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

REQUIREMENTS = Path(__file__).parent.parent / "requirements"


def main(arguments: list[str]) -> int:
    """Ask about each file, print what is known, and return the exit status."""
    strict = "--strict" in arguments
    options = [one for one in arguments if one != "--strict"]
    weak: set[str] = set()
    silent: set[str] = set()
    asked: set[str] = set()
    for path in sorted(REQUIREMENTS.glob("*.txt")):
        answers = _answers(path, options)
        if not answers:
            silent.add(f"all of {path.name}")
        for one in answers:
            name = f"{one['name']} {one.get('version') or ''}".strip()
            asked.add(name)
            if "skip_reason" in one:
                silent.add(name)
            for found in one.get("vulns", ()):
                fixed = ", ".join(found["fix_versions"]) or "no version yet"
                weak.add(f"{name}: {found['id']}, mended in {fixed}")
    for line in sorted(weak):
        print(f"advisories: {line}", file=sys.stderr)
    if silent:
        left = sorted(silent) if len(silent) < 4 else [f"{len(silent)} of {len(asked)} versions"]
        print(f"advisories: no answer about {', '.join(left)}", file=sys.stderr)
    if weak:
        print("advisories: run scripts/lock-requirements --upgrade", file=sys.stderr)
        return 1
    return 3 if strict and silent else 0


def _answers(path: Path, options: list[str]) -> list[dict[str, Any]]:
    """Return what pip-audit says of each version in a file; nothing where it gets no answer."""
    argv = [sys.executable, "-m", "pip_audit", "--requirement", str(path), "--require-hashes"]
    argv += ["--disable-pip", "--format", "json", "--desc", "off", "--progress-spinner", "off"]
    argv += ["--timeout", "5"]  # seconds; without a network nobody waits for long
    done = subprocess.run([*argv, *options], capture_output=True, text=True, check=False)
    if not done.stdout:
        last = done.stderr.strip().splitlines()[-1:]
        print(f"advisories: {path.name}: {''.join(last)}", file=sys.stderr)
        return []
    answers: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    return answers


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
