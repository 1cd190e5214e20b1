"""`repro-sign lock`: pin images to their bytes and their signers in one file."""

from pathlib import Path

import click

from repro_sign.cli.confirming import confirm, require_terminal
from repro_sign.cli.exit_codes import ExitCode
from repro_sign.cli.options import (
    explain,
    is_quiet,
    json_option,
    output_options,
    say,
    yes_option,
)
from repro_sign.cli.painting import paint
from repro_sign.cli.progress import progress_of
from repro_sign.cli.verify.believing import Belief, belief_options
from repro_sign.errors import RefusedError, UsageError
from repro_sign.locking.lock_file import LOCK_NAME
from repro_sign.pinning.planning import LockPlan, LockRequest, plan_lock, write_lock
from repro_sign.report import as_json, as_text, of_locking
from repro_sign.trust.verdict import VerdictWord
from repro_sign.verifying import VerifyRequest

_NO_TERMINAL = "say --yes to write it without being asked"


@click.command("lock")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@belief_options
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path(LOCK_NAME),
    show_default=True,
    metavar="FILE",
    help="The lock file. Images lie in its folder or below.",
)
@click.option("--update", is_flag=True, help="Change the lock file that is there: shows how, asks.")
@click.option(
    "--url",
    default="",
    metavar="URL",
    help="Where to get the image; one that ends with / has all of them below it.",
)
@click.option(
    "--unverified",
    is_flag=True,
    help="Lock images that are unsigned or by nobody you trust, too; they never become verified.",
)
@yes_option
@json_option
@output_options
@click.pass_context
def command(
    ctx: click.Context,
    *,
    paths: tuple[Path, ...],
    belief: Belief,
    out: Path,
    update: bool,
    url: str,
    unverified: bool,
    yes: bool,
    json_: bool,
) -> None:
    """Pin images to their bytes and their signers, in a file to be kept in git.

    PATHS are images or folders; none means the lock file's folder. Each image is verified first,
    and only verified ones are locked. Exit status: 0 written or up to date, 1 refused, 3 an image
    could not be read.
    """
    if update and out.exists() and not yes:
        if json_:
            raise UsageError("--update --json can't ask", hint=_NO_TERMINAL)
        require_terminal("whether to write the lock file", _NO_TERMINAL)
    verify = VerifyRequest(
        policy=belief.policy,
        given=belief.given,
        chains=belief.chains,
        progress=progress_of("verifying"),
    )
    plan = plan_lock(out, paths, LockRequest(verify, url, unverified), update=update)
    if plan.refused:
        ctx.exit(_refuse(plan, unverified=unverified))
    differs = plan.old_data is None or bool(plan.line_changes)
    if differs and plan.old_data is not None and not json_:
        for line in of_locking.as_text(plan):
            click.echo(line)
    if differs and plan.old_data is not None and not yes:
        confirm(
            f"write {plan.new.name}?",
            what="whether to write the lock file",
            hint=_NO_TERMINAL,
            declined=f"{plan.new.name} stays as it was",
        )
    if differs:
        write_lock(plan)
    if json_:
        click.echo(as_json.to_text(of_locking.document(plan, written=differs)))
    elif not is_quiet():
        click.echo(of_locking.summary(plan, written=differs))


def _refuse(plan: LockPlan, *, unverified: bool) -> ExitCode:
    """Say which images can't be locked; return the exit status."""
    for one in plan.refused:
        say(as_text.brief(one, paint).rstrip("\n"))
    consistent = all(
        one.verdict.word in (VerdictWord.UNSIGNED, VerdictWord.UNTRUSTED) for one in plan.refused
    )
    count = len(plan.refused)
    explain(
        RefusedError(
            f"{count} of {len(plan.reports)} {'image is' if count == 1 else 'images are'} not"
            " verified: nothing was written",
            hint="say whom you trust (--signer, --key, repro-sign trust add), or pin their bytes"
            " alone: --unverified"
            if consistent and not unverified
            else "look into it with repro-sign verify; leave out what is not to be used",
        )
    )
    unread = all(one.verdict.word is VerdictWord.UNKNOWN for one in plan.refused)
    return ExitCode.UNKNOWN if unread else ExitCode.FAILED
