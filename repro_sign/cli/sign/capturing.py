"""Options that say what the manifest tells of an image's making, and what may not be told."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from repro_sign.cli.options import EXISTING_FILE, add_options
from repro_sign.errors import UsageError
from repro_sign.provenance.capture import CaptureRequest
from repro_sign.provenance.parts import PARTS
from repro_sign.provenance.run import RunClaim

_Result = TypeVar("_Result")


def capture_options(command: Callable[..., _Result]) -> Callable[..., _Result]:
    """Add the options, and hand what they come to over as `capturing`."""

    @wraps(command)
    def with_capturing(
        *arguments: Any,
        source: Path | None,
        sboms: tuple[Path, ...],
        run_command: str | None,
        variables: tuple[str, ...],
        seed: str | None,
        outputs: tuple[Path, ...],
        without: frozenset[str],
        **others: Any,
    ) -> _Result:
        run = RunClaim(run_command, variables, seed, outputs)
        given = (("source", "--source", source), ("dependencies", "--sbom", sboms))
        for part, option, value in (*given, ("run", "--command, --env, --seed and --output", run)):
            if value and part in without:
                raise UsageError(f"{option}: --without {part} leaves that out")
        capturing = CaptureRequest(source, without, sboms, run)
        return command(*arguments, capturing=capturing, **others)

    return add_options(with_capturing, _OPTIONS)


def _parts(_: click.Context, param: click.Parameter, values: tuple[str, ...]) -> frozenset[str]:
    """Take parts apart that are named in one word, with commas between them."""
    names = [name.strip() for value in values for name in value.split(",")]
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        raise click.BadParameter(f"{unknown[0]!r} is none of {', '.join(PARTS)}", param=param)
    return frozenset(names)


_OPTIONS = (
    click.option(
        "--source",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        metavar="DIR",
        help="What the image was made from; else the git repository around it, if it is in one.",
    ),
    click.option(
        "--sbom",
        "sboms",
        type=EXISTING_FILE,
        multiple=True,
        metavar="FILE",
        help="A bill of materials, CycloneDX or SPDX: its digest is written down.",
    ),
    click.option(
        "--command",
        "run_command",
        metavar="TEXT",
        help="Claim that results were made with this command line.",
    ),
    click.option(
        "--env",
        "variables",
        multiple=True,
        metavar="NAME",
        help="Claim that this variable was set for it, as it is here (or NAME=VALUE).",
    ),
    click.option("--seed", metavar="TEXT", help="Claim that this random seed was used."),
    click.option(
        "--output",
        "outputs",
        type=EXISTING_FILE,
        multiple=True,
        metavar="FILE",
        help="Claim that the image produces this file: its digests are written down.",
    ),
    click.option(
        "--without",
        multiple=True,
        callback=_parts,
        metavar="PART",
        help=f"Say nothing of this part: {', '.join(PARTS)}.",
    ),
)
