"""Publish a key on a key server, and read back what the server really serves."""

from datetime import datetime

from repro_sign import apptainer
from repro_sign.errors import NoAnswerError, NotServedError, RefusedError
from repro_sign.key_sources.keyserver import KeyServer
from repro_sign.openpgp.certificate import Certificate
from repro_sign.openpgp.changes import Kind, Statement, said_besides
from repro_sign.openpgp.received import self_signed
from repro_sign.values import dataclass


@dataclass(frozen=True, slots=True)
class ServerReport:
    """A key on a server: what of it is `missing` there, and what the server says `besides`.

    `sent_by` is the program that sent it, `complaint` what Apptainer said if it could not.
    """

    server: str
    sent_by: str
    complaint: str
    served: Certificate
    missing: tuple[Statement, ...]
    besides: tuple[Statement, ...]

    @property
    def complete(self) -> bool:
        """Whether readers get what they need: with a revocation left out, they are deceived."""
        return all(
            one.kind not in (Kind.REVOCATION, Kind.SUBKEY_REVOCATION) for one in self.missing
        )

    @property
    def nameless(self) -> bool:
        """Whether the server serves no user id, as some do until the e-mail is confirmed."""
        return not self.served.user_ids and any(one.kind is Kind.USER_ID for one in self.missing)


def publish_on_server(certificate: Certificate, server: KeyServer, now: datetime) -> ServerReport:
    """Send a certificate, without others' signatures, and compare what comes back.

    Raises `RefusedError` if the server does not take it or does not serve it afterwards, or serves
    another key; `NoAnswerError` if it can't be asked.
    """
    ours = self_signed(certificate)
    sent_by, complaint = _send(ours, server)
    try:
        served = server.certificate(ours.fingerprint)
    except NotServedError as error:
        raise RefusedError(
            f"not published: {server.name} took the key, and does not serve it",
            hint="some servers take a while. Ask again: repro-sign key fetch"
            f" {ours.fingerprint.hex} --keyserver {server.url}",
        ) from error
    return ServerReport(
        server=server.name,
        sent_by=sent_by,
        complaint=complaint,
        served=served,
        missing=said_besides(served, ours, now),
        besides=said_besides(ours, served, now),
    )


def _send(certificate: Certificate, server: KeyServer) -> tuple[str, str]:
    """Send through Apptainer where that is possible; return who sent, and Apptainer's complaint."""
    complaint = ""
    if apptainer.installed() and server.is_plain:
        try:
            apptainer.push_key(certificate.binary, certificate.fingerprint, server.url)
        except (RefusedError, NoAnswerError) as error:
            complaint = str(error)
        else:
            return "apptainer", ""
    server.add(certificate)
    return "repro-sign", complaint
