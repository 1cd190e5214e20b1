"""`repro-sign verify`: the one command of a reviewer."""

from dataclasses import replace
from pathlib import Path

import click

from repro_sign.cli.exit_codes import INTERRUPTED, gravest
from repro_sign.cli.options import EXISTING_FILE, is_quiet, json_option, output_options
from repro_sign.cli.stalls import bounded
from repro_sign.cli.verify.believing import Belief, belief_options
from repro_sign.cli.verify.choosing import Choice, path_arguments
from repro_sign.cli.verify.ctrl_c import CtrlC
from repro_sign.cli.verify.demands import Demands, Stricter, demand_options
from repro_sign.cli.verify.lock_option import Selection, lock_option
from repro_sign.cli.verify.reporting import check_report_place, report_option, write_report
from repro_sign.cli.verify.run_progress import RunProgress
from repro_sign.cli.verify.showing import DocumentOutput, LineOutput, TextOutput
from repro_sign.cli.verify.surroundings import surrounding_options
from repro_sign.errors import UsageError
from repro_sign.examining.noticed import read_notices
from repro_sign.examining.surroundings import Surroundings
from repro_sign.hashing import available_cores
from repro_sign.key_sources.consulting import KeyLookup
from repro_sign.timestamps.proof import Authorities
from repro_sign.trust.verdict import VerdictWord
from repro_sign.verifying import Engine, VerifyRequest
from repro_sign.verifying_many import Together


@click.command("verify")
@path_arguments
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Verify up to N images at the same time (as many as there are processors to use).",
)
@belief_options
@lock_option
@demand_options
@surrounding_options
@click.option(
    "--notices",
    "sources",
    multiple=True,
    metavar="FILE|FOLDER|URL",
    help="Heed the notices in it too: images that their authors withdrew or superseded.",
)
@click.option(
    "--tsa-cert",
    "tsa_certs",
    type=EXISTING_FILE,
    multiple=True,
    help="Believe timestamps of authorities with this root certificate (PEM).",
)
@click.option(
    "--engine",
    type=click.Choice([one.value for one in Engine]),
    default=Engine.AUTO.value,
    help="Whether apptainer verify gives a second opinion (auto: where it is installed).",
)
@click.option(
    "--keyserver",
    metavar="URL",
    help="Ask this key server what became of the signers' keys. It makes nobody trusted.",
)
@click.option(
    "--legacy-insecure",
    is_flag=True,
    help="Show what old signatures would say; they are never accepted.",
)
@click.option(
    "--deep",
    is_flag=True,
    help="Compute SHA-256 too where BLAKE3 shows that it is the file of a trusted manifest.",
)
@report_option
@click.option("--jsonl", is_flag=True, help="Print one JSON object a line, as they come.")
@json_option
@output_options
@click.pass_context
def command(
    ctx: click.Context,
    *,
    chosen: Choice | None,
    countable: bool,
    jobs: int | None,
    belief: Belief,
    selection: Selection,
    demands: Demands,
    surroundings: Surroundings,
    sources: tuple[str, ...],
    tsa_certs: tuple[Path, ...],
    engine: str,
    keyserver: str | None,
    legacy_insecure: bool,
    deep: bool,
    report_path: Path | None,
    jsonl: bool,
    json_: bool,
) -> None:
    """Check whether images are intact and completely signed by somebody you trust.

    PATHS are images, manifests, folders or patterns. None means this folder, or the lock file's.
    Exit status: 0 verified, 1 failed, 3 no answer, 4 unsigned, 5 signed by nobody you said you
    trust.
    """
    if json_ and jsonl:
        raise UsageError("--json and --jsonl exclude each other")
    if belief.policy_file and demands.require is not None:
        raise UsageError(
            f"--require goes with --signer, --key or the trust store, not with the policy"
            f" {belief.policy_file.name}",
            hint="the policy says how many people have to sign",
        )
    check_report_place(report_path)
    shown = json_ or jsonl or report_path is not None or not is_quiet()
    request = VerifyRequest(
        policy=Stricter(belief.policy, demands),
        given=belief.given,
        chains=belief.chains,
        authorities=_authorities(tsa_certs, belief),
        legacy=legacy_insecure,
        deep=deep,
        notices=read_notices(sources),
        engine=Engine(engine),
        key_server=_key_server(keyserver),
        surroundings=replace(surroundings, look_at_machine=shown),
    )
    choice = chosen or selection.default_paths
    progress = RunProgress("verifying", choice if countable and not selection.lock else None)
    request = replace(request, progress=progress if progress.wanted else None)
    kind = DocumentOutput if json_ else LineOutput if jsonl else TextOutput
    output = kind(progress, keeps=report_path is not None)
    together = Together(output.told, jobs or available_cores(), not jsonl, bounded)
    interrupted = False
    try:
        for told in CtrlC().during(selection.verify(choice(), request, together)):
            output.show(told)
    except KeyboardInterrupt:
        interrupted = True
    output.end(interrupted=interrupted)
    if interrupted:
        ctx.exit(INTERRUPTED)
    written = write_report(report_path, output.reports)
    no_answer = {VerdictWord.UNKNOWN} if output.problems or not written else set()
    ctx.exit(gravest(output.tally.words | no_answer))


def _key_server(url: str | None) -> KeyLookup | None:
    if url is None:
        return None
    from repro_sign.key_sources.keyserver import (  # the network: if asked for
        KeyServer,
        RememberingKeyServer,
    )

    return RememberingKeyServer(KeyServer.parse(url))


def _authorities(named: tuple[Path, ...], belief: Belief) -> Authorities | None:
    """Read whose timestamps count: those named here, and those that the policy names."""
    by_policy = belief.policy_file.timestamp_authorities if belief.policy_file else ()
    if not (named or by_policy):
        return None
    from repro_sign.timestamps.authorities import read_authorities  # X.509 costs time

    return read_authorities((*named, *by_policy))
