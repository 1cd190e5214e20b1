"""Ask both engines about a case."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from repro_sign import apptainer
from repro_sign.fingerprint import SignerId
from repro_sign.known_keys import Keys
from repro_sign.system.locations import Locations
from repro_sign.trust.policy import Expectation, TrustPolicy
from repro_sign.verifying import Engine, ImageReport, VerifyRequest, verify_image
from tests.corpus.cases import Case
from tests.corpus.workshop import Workshop

NOWHERE = Path("/nonexistent")


def ask(workshop: Workshop, case: Case, engine: Engine) -> ImageReport:
    """Verify a case's image as the command line does with the options of `arguments`."""
    return verify_image(workshop.image(case), request(workshop, case, engine))


def request(workshop: Workshop, case: Case, engine: Engine) -> VerifyRequest:
    given = sum((workshop.given(name) for name in case.key), Keys())
    trusted = dict.fromkeys(given.signers, "--key")
    trusted |= dict.fromkeys(_signers(workshop, case.signer), "--signer")
    return VerifyRequest(
        policy=TrustPolicy(
            trusted=trusted,
            require=case.require,
            expect=(Expectation.parse(case.expect),) if case.expect else (),
            require_manifest=case.require_manifest,
            exact=case.exact,
        ),
        given=given,
        engine=engine,
        where=Locations(NOWHERE, NOWHERE, NOWHERE),
    )


def arguments(workshop: Workshop, case: Case) -> list[str | Path]:
    """Return the arguments of `repro-sign verify` for a case."""
    found: list[str | Path] = [workshop.image(case), "--engine", "native"]
    for name in case.key:
        found += ["--key", workshop.key_file(name)]
    for signer in _signers(workshop, case.signer):
        found += ["--signer", str(signer)]
    found += ["--require", str(case.require)]
    found += ["--expect", case.expect] if case.expect else []
    found += ["--require-manifest"] if case.require_manifest else []
    found += ["--exact"] if case.exact else []
    return found


def codes(report: ImageReport) -> set[str]:
    return {one.code for one in (*report.verdict.reasons, *report.verdict.notes)}


def _signers(workshop: Workshop, names: Iterable[str]) -> list[SignerId]:
    return [signer for name in names for signer in workshop.given(name).signers]


def ask_apptainer(workshop: Workshop, case: Case) -> apptainer.Answer:
    """Ask `apptainer verify` about an image that is malformed for us, with little memory."""
    given = [workshop.given(name) for name in (*case.key, *case.beside)]
    pem = [key.pem.encode() for keys in given for key in keys.public_keys]
    ring = b"".join(one.binary for keys in given for one in keys.certificates)
    path = workshop.image(case)
    with path.open("rb") as image, limited_memory():
        return apptainer.verify(image.fileno(), path.stat().st_size, ring, pem[0] if pem else None)


@contextmanager
def limited_memory() -> Iterator[None]:
    """Let the programs that start meanwhile have little memory."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
