"""Options that say what `verify` demands beyond a trusted signature."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar

import click

from repro_sign.cli.options import DATE, add_options
from repro_sign.provenance.difference import COMPARED
from repro_sign.trust.policy import Expectation, Policies, TrustPolicy
from repro_sign.values import dataclass

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Demands:
    """What the caller demands of every image; `require` is None where nothing was said."""

    require: int | None = None
    expect: tuple[Expectation, ...] = ()
    require_manifest: bool = False
    exact: bool = False
    newer_than: datetime | None = None
    remember: bool = False
    require_same: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Stricter:
    """Rules, and what the caller demands on top of them."""

    policy: Policies
    demands: Demands

    def for_image(self, name: str) -> TrustPolicy:
        """Return the stricter rules for an image."""
        rules, asked = self.policy.for_image(name), self.demands
        return replace(
            rules,
            require=asked.require or 1,
            expect=asked.expect,
            require_manifest=rules.require_manifest or asked.require_manifest,
            exact=rules.exact or asked.exact,
            newer_than=max(filter(None, (rules.newer_than, asked.newer_than)), default=None),
            remember=rules.remember or asked.remember,
            require_same=rules.require_same | asked.require_same,
        )


class ExpectationType(click.ParamType[Expectation]):
    """A digest that the caller knows: of the file, or the image identity."""

    name = "digest"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Expectation:
        """Parse, or fail as a usage error."""
        if isinstance(value, Expectation):
            return value
        try:
            return Expectation.parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class MachinePartsType(click.ParamType[frozenset[str]]):
    """Names of what is compared between two machines, with commas between them."""

    name = "parts"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> frozenset[str]:
        """Take the names apart, or fail as a usage error."""
        if isinstance(value, frozenset):
            return value
        names = frozenset(one.strip() for one in str(value).split(","))
        if not names <= set(COMPARED):
            self.fail(f"{value!r} is no list of {', '.join(COMPARED)}", param, ctx)
        return names


def demand_options(command: Callable[..., _Result]) -> Callable[..., _Result]:
    """Add the options, and hand what they come to over as `demands`."""

    @wraps(command)
    def with_demands(
        *arguments: Any,
        require: int | None,
        expected: tuple[Expectation, ...],
        require_manifest: bool,
        exact: bool,
        newer_than: datetime | None,
        remember: bool,
        require_same: frozenset[str],
        **others: Any,
    ) -> _Result:
        demands = Demands(
            require, expected, require_manifest, exact, newer_than, remember, require_same
        )
        return command(*arguments, demands=demands, **others)

    return add_options(with_demands, _OPTIONS)


_OPTIONS = (
    click.option(
        "--require",
        type=click.IntRange(min=1),
        metavar="N",
        help="So many different trusted people must have signed.",
    ),
    click.option(
        "--expect",
        "expected",
        type=ExpectationType(),
        multiple=True,
        metavar="DIGEST",
        help="sha256:HEX of the file, or identity:sha256:HEX, as the paper prints it.",
    ),
    click.option("--require-manifest", is_flag=True, help="Fail without a trusted manifest."),
    click.option("--exact", is_flag=True, help="Fail if signatures were added since the manifest."),
    click.option(
        "--newer-than",
        type=DATE,
        metavar="DATE",
        help="Fail if nobody trusted signed it on this day (2026-01-31, or a time) or later.",
    ),
    click.option(
        "--remember",
        is_flag=True,
        help="Compare with who signed images of this name before, and when; and remember it.",
    ),
    click.option(
        "--require-same",
        type=MachinePartsType(),
        default=frozenset(),
        metavar="PART,...",
        help="Fail if this machine is not the author's in these: kernel, cpu, gpu, driver …",
    ),
)
