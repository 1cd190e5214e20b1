"""What the commands of `ecl` say: control lists that were written, and images that were tried."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from repro_sign.ecl.checking import EclAnswer, Ruling
from repro_sign.ecl.generating import EclPlan
from repro_sign.escaping import printable
from repro_sign.report.as_json import SCHEMA
from repro_sign.report.next_step import pasteable

Paint = Callable[[str, Ruling], str]
"""Colours a text by a ruling; returns it as it is where there are no colours."""
_CONFDIR: Final = "/etc/apptainer"
_INSTALL: Final = "install -o root -g root -m 644"


def generated(plan: EclPlan, ecl: Path, ring: Path, *, brief: bool) -> Iterator[str]:
    """Yield the lines that say what was written, what was left out, and how to install it."""
    keys = len(plan.certificates)
    groups = len(plan.groups)
    yield (
        f"{printable(str(ecl))}: {groups} {'group' if groups == 1 else 'groups'}; "
        f"{printable(str(ring))}: {keys} {'key' if keys == 1 else 'keys'}"
    )
    for one in plan.left_out:
        name = f" ({printable(one.name)})" if one.name else ""
        yield f"left out  {one.fingerprint}{name}: {one.why}"
    if brief:
        return
    yield "Try it on your images, then install it as root on every machine"
    yield f"(where apptainer buildcfg says that APPTAINER_CONFDIR is; often {_CONFDIR}):"
    yield (
        f"  repro-sign ecl check FOLDER --ecl {pasteable(str(ecl))}"
        f" --keyring {pasteable(str(ring))}"
    )
    yield f"  {_INSTALL} {pasteable(str(ring))} {_CONFDIR}/{ring.name}"
    yield f"  {_INSTALL} {pasteable(str(ecl))} {_CONFDIR}/{ecl.name}"
    yield "The key ring takes the place of the one that is there. The list is in force only where"
    yield "Apptainer runs in setuid mode, and users can't make namespaces."


def answer(one: EclAnswer, paint: Paint) -> str:
    """Return the line about one image."""
    ruling = paint(one.ruling.value, one.ruling)
    return f"{ruling}  {printable(str(one.path))}: {printable(one.message)}"


def summary(answers: Iterable[EclAnswer]) -> str:
    """Return the line that counts the rulings."""
    found = [one.ruling for one in answers]
    parts = [f"{found.count(one)} {one.value}" for one in Ruling if one in found]
    return f"{len(found)} {'image' if len(found) == 1 else 'images'}: {', '.join(parts)}"


def document(answers: Iterable[EclAnswer]) -> dict[str, Any]:
    """Return the document that `ecl check --json` prints."""
    return {
        "schema": SCHEMA,
        "images": [
            {
                "path": str(one.path),
                "ruling": one.ruling.value,
                "code": one.code,
                "message": one.message,
            }
            for one in answers
        ],
    }
