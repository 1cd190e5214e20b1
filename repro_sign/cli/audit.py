"""`repro-sign audit`: a site's images, every night."""

import hashlib
import os
from pathlib import Path

import click

from repro_sign.auditing.auditing import AuditRequest, audit
from repro_sign.auditing.result import AuditedImage
from repro_sign.cli.examining_where import Where, executor_options
from repro_sign.cli.exit_codes import gravest
from repro_sign.cli.options import is_quiet, is_verbose, json_option, output_options
from repro_sign.cli.painting import paint
from repro_sign.cli.verify.believing import Belief, BeliefWords, belief_options
from repro_sign.cli.verify.run_progress import RunProgress
from repro_sign.examining.noticed import read_notices
from repro_sign.examining.surroundings import Surroundings
from repro_sign.report import as_json, audits
from repro_sign.system.locations import Locations, find_locations
from repro_sign.values import dataclass
from repro_sign.verifying import Engine, VerifyRequest


class ShareType(click.ParamType[float]):
    """A share: `5%`."""

    name = "share"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Parse, or fail as a usage error."""
        if isinstance(value, float):
            return value
        text = str(value).strip()
        digits = text.removesuffix("%")
        if not text.endswith("%") or not digits.replace(".", "", 1).isdecimal():
            self.fail(f"{text!r} is no share: 5%", param, ctx)
        share = float(digits) / 100
        if share > 1:
            self.fail(f"{text!r} is more than all", param, ctx)
        return share


@click.command("audit")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--database",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where to keep what was seen (default: among your settings, one for each folder).",
)
@click.option("--all", "everything", is_flag=True, help="Read every image again.")
@click.option(
    "--sample",
    type=ShareType(),
    default=0.0,
    metavar="5%",
    help="Read this share of what is as it was: what was not read for the longest time.",
)
@executor_options
@click.option(
    "--engine",
    type=click.Choice([one.value for one in Engine]),
    default=Engine.NATIVE.value,
    show_default=True,
    help="Whether apptainer verify gives a second opinion (auto: where it is installed).",
)
@click.option(
    "--notices",
    "sources",
    multiple=True,
    metavar="FILE|FOLDER|URL",
    help="Heed the notices in it too: images that their authors withdrew or superseded.",
)
@belief_options
@click.option(
    "--report",
    "report_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a report to be filed as well: FILE.html, FILE.txt or FILE.json.",
)
@json_option
@output_options
@click.pass_context
def command(
    ctx: click.Context,
    *,
    folder: Path,
    database: Path | None,
    everything: bool,
    sample: float,
    where_to: Where,
    engine: str,
    sources: tuple[str, ...],
    belief: Belief,
    report_path: Path | None,
    json_: bool,
) -> None:
    """Check all images below DIR, and say what is new, changed, gone or no longer right.

    What is as it was is not read again. With -q it prints only what somebody has to look at, so
    that cron writes no letter otherwise. Exit status: 0 all verified, else that of the gravest:
    1 failed or corrupted, 3 no answer, 4 unsigned, 5 signed by nobody you said you trust.
    """
    if report_path is not None:
        from repro_sign.report.audit_page import check_audit_place

        check_audit_place(report_path)
    asked = _Asked(belief.words, sources, Engine(engine))
    kept = database or _default_database(find_locations(), folder)
    executor = where_to.executor(asked.request, kept)
    progress = RunProgress("auditing", None)

    def step(image: AuditedImage, _count: int) -> None:
        progress.add(image.seen.size)

    request = AuditRequest(
        asked.request_of(belief), executor, everything=everything, sample=sample, step=step
    )
    try:
        report = audit(folder, kept, request)
    finally:
        progress.erase()
    if json_:
        click.echo(as_json.to_text(audits.document(report)))
    elif is_quiet():
        click.echo("".join(f"{line}\n" for line in audits.urgent(report, paint)), nl=False)
    else:
        click.echo(audits.text(report, paint, every=is_verbose()), nl=False)
    if report_path is not None:
        from repro_sign.report.audit_page import write_audit

        write_audit(report_path, report)
    ctx.exit(gravest(report.words()))


@dataclass(frozen=True, slots=True)
class _Asked:
    """How to verify, as the command line said it: it means the same on another machine."""

    words: BeliefWords
    sources: tuple[str, ...]
    engine: Engine

    def request(self) -> VerifyRequest:
        """Read what the words name."""
        return self.request_of(self.words.read())

    def request_of(self, belief: Belief) -> VerifyRequest:
        """Return the request of somebody whose words were read."""
        return VerifyRequest(
            policy=belief.policy,
            given=belief.given,
            chains=belief.chains,
            notices=read_notices(self.sources),
            engine=self.engine,
            surroundings=Surroundings(look_at_machine=False),
        )


def _default_database(where: Locations, folder: Path) -> Path:
    top = os.path.realpath(folder)
    return where.audits / f"{hashlib.sha256(os.fsencode(top)).hexdigest()[:16]}.sqlite"
