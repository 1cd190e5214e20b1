"""Options that name what the reader has besides the image: the source, the network, results."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from repro_sign.cli.options import add_options
from repro_sign.examining.surroundings import Surroundings

_Result = TypeVar("_Result")
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


def surrounding_options(command: Callable[..., _Result]) -> Callable[..., _Result]:
    """Add the options, and hand what they name over as `surroundings`."""

    @wraps(command)
    def with_surroundings(
        *arguments: Any, source: Path | None, outputs: Path | None, online: bool, **others: Any
    ) -> _Result:
        return command(*arguments, surroundings=Surroundings(source, outputs, online), **others)

    return add_options(with_surroundings, _OPTIONS)


_OPTIONS = (
    click.option(
        "--source",
        type=_FOLDER,
        help="Fail unless this checkout is the signed commit, and the signed tag points at it.",
    ),
    click.option(
        "--online",
        is_flag=True,
        help="Ask the signed repository where the signed tag points now.",
    ),
    click.option(
        "--outputs",
        type=_FOLDER,
        help="Fail unless the result files in this folder are those that the author claims.",
    ),
)
