"""`repro-sign verify`: the one command of a reviewer."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from repro_sign.cli.exit_codes import gravest
from repro_sign.cli.given_keys import believed_chains, read_chains, read_key
from repro_sign.cli.options import (
    EXISTING_FILE,
    FINGERPRINT,
    is_quiet,
    json_option,
    output_options,
)
from repro_sign.cli.painting import paint
from repro_sign.cli.progress import progress_of
from repro_sign.errors import MalformedError, NoAnswerError, UnreadableError, UsageError
from repro_sign.fingerprint import SignerId
from repro_sign.known_keys import Keys
from repro_sign.locations import Locations, find_locations
from repro_sign.report import as_json, as_text
from repro_sign.stores.trust_store import read_entries
from repro_sign.trust.evidence import ImageEvidence
from repro_sign.trust.judge import Reason, Verdict, VerdictWord
from repro_sign.trust.policy import Expectation, TrustPolicy
from repro_sign.verifying import Engine, ImageReport, VerifyRequest, find_images, verify_image


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


@click.command("verify")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--signer",
    "signers",
    type=FINGERPRINT,
    multiple=True,
    help="Trust this full fingerprint, and nobody from the trust store.",
)
@click.option(
    "--key",
    "keys",
    type=EXISTING_FILE,
    multiple=True,
    help="Trust the public key in this file, and nobody from the trust store.",
)
@click.option(
    "--certificate",
    type=EXISTING_FILE,
    help="Trust the owner of this X.509 certificate, if a chain leads to the roots.",
)
@click.option(
    "--certificate-intermediates",
    "intermediates",
    type=EXISTING_FILE,
    help="X.509 certificates between that one and the roots.",
)
@click.option(
    "--certificate-roots",
    "roots",
    type=EXISTING_FILE,
    help="X.509 roots that you believe.",
)
@click.option(
    "--require",
    type=click.IntRange(min=1),
    default=1,
    metavar="N",
    help="So many different trusted people must have signed.",
)
@click.option(
    "--expect",
    "expected",
    type=ExpectationType(),
    multiple=True,
    metavar="DIGEST",
    help="sha256:HEX of the file, or identity:sha256:HEX, as the paper prints it.",
)
@click.option("--require-manifest", is_flag=True, help="Fail without a trusted manifest.")
@click.option("--exact", is_flag=True, help="Fail if signatures were added since the manifest.")
@click.option(
    "--engine",
    type=click.Choice([one.value for one in Engine]),
    default=Engine.AUTO.value,
    help="Whether apptainer verify gives a second opinion (auto: where it is installed).",
)
@click.option(
    "--legacy-insecure",
    is_flag=True,
    help="Show what old signatures would say; they are never accepted.",
)
@click.option("--jsonl", is_flag=True, help="Print one JSON object a line, as they come.")
@json_option
@output_options
@click.pass_context
def command(
    ctx: click.Context,
    *,
    paths: tuple[Path, ...],
    signers: tuple[SignerId, ...],
    keys: tuple[Path, ...],
    certificate: Path | None,
    intermediates: Path | None,
    roots: Path | None,
    require: int,
    expected: tuple[Expectation, ...],
    require_manifest: bool,
    exact: bool,
    engine: str,
    legacy_insecure: bool,
    jsonl: bool,
    json_: bool,
) -> None:
    """Check whether images are intact and completely signed by somebody you trust.

    PATHS are images, manifests or folders; none means this folder. Exit status: 0 verified,
    1 failed, 3 no answer, 4 unsigned, 5 signed by nobody you said you trust.
    """
    if json_ and jsonl:
        raise UsageError("--json and --jsonl exclude each other")
    where = find_locations()
    handed = {path: read_key(path) for path in keys}
    given = sum(handed.values(), Keys())
    chains = read_chains(certificate, intermediates, roots)
    believed = dict.fromkeys(signers, "--signer") | believed_chains(chains)
    for path, one in handed.items():
        believed |= dict.fromkeys(one.signers, f"--key {path}")
    caller_says = bool(signers or keys or certificate)
    request = VerifyRequest(
        policy=TrustPolicy(
            trusted=believed if caller_says else _trust_store(where),
            require=require,
            expect=expected,
            require_manifest=require_manifest,
            exact=exact,
        ),
        given=given + Keys(public_keys=tuple(chain.key for chain in chains)),
        chains=chains,
        legacy=legacy_insecure,
        engine=Engine(engine),
        where=where,
        progress=progress_of("verifying"),
    )
    reports: list[ImageReport] = []
    for report in _verify(paths or (Path(),), request):
        reports.append(report)
        if jsonl:
            click.echo(as_json.to_line(as_json.image(report)))
            sys.stdout.flush()
        elif not json_:
            click.echo(_text(report), nl=False)
    if json_:
        click.echo(as_json.to_text(as_json.document(reports)))
    elif len(reports) > 1 and not jsonl:
        click.echo(as_text.summary(reports, paint), nl=False)
    ctx.exit(gravest(report.verdict.word for report in reports))


def _verify(paths: Iterable[Path], request: VerifyRequest) -> Iterator[ImageReport]:
    for path in paths:
        try:
            for image in find_images(path):
                yield verify_image(image, request)
        except NoAnswerError as error:
            yield _no_answer(path, error, request.policy)


def _no_answer(path: Path, error: NoAnswerError, policy: TrustPolicy) -> ImageReport:
    reason = Reason("unreadable", str(error))
    verdict = Verdict(VerdictWord.UNKNOWN, (reason,))
    return ImageReport(path, verdict, ImageEvidence(path.name), policy)


def _text(report: ImageReport) -> str:
    return as_text.brief(report, paint) if is_quiet() else as_text.image(report, paint)


def _trust_store(where: Locations) -> dict[SignerId, str]:
    """Return whom the trust store believes, where the caller names nobody."""
    try:
        entries = read_entries(where)
    except (MalformedError, UnreadableError) as error:
        raise NoAnswerError(str(error), hint=error.hint) from error
    return {
        one.fingerprint: f"your trust store ({one.name})" if one.name else "your trust store"
        for one in entries
    }
