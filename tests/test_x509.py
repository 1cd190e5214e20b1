"""X.509 certificates that the caller hands over: chain, purpose, time."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from tests.account import Account
from tests.conftest import Need
from tests.notices import rebuilt

NOW = datetime.now(UTC)
CODE = ExtendedKeyUsageOID.CODE_SIGNING
WEB = ExtendedKeyUsageOID.SERVER_AUTH


@dataclass(frozen=True)
class Holder:
    """A name with a key."""

    name: x509.Name
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def new(cls, name: str) -> "Holder":
        common = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        return cls(common, ec.generate_private_key(ec.SECP256R1()))

    def certify(
        self,
        other: "Holder",
        *,
        authority: bool = False,
        depth: int | None = None,
        purpose: ObjectIdentifier | None = None,
        ends: timedelta = timedelta(days=30),
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(other.name)
            .issuer_name(self.name)
            .public_key(other.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - timedelta(days=60))
            .not_valid_after(NOW + ends)
            .add_extension(x509.BasicConstraints(authority, depth if authority else None), True)
        )
        if purpose is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        return builder.sign(self.key, hashes.SHA256())


ROOT, MIDDLE, LEAF, OTHER = (Holder.new(name) for name in ("Root", "Middle", "Ada", "Other"))


def pem_key(account: Account) -> Path:
    """Give the leaf's private key to an account."""
    key = account.home / "leaf.pem"
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    key.write_bytes(LEAF.key.private_bytes(*form, serialization.NoEncryption()))
    return key


@pytest.fixture
def signed(account: Account, image: Path) -> Path:
    """Give an image that the leaf's key has signed."""
    account.ok("sign", image, "--key", pem_key(account))
    return image


def files(folder: Path, **certificates: x509.Certificate) -> list[str | Path]:
    """Write certificates to files; return the options that name them."""
    options: list[str | Path] = []
    for name, certificate in certificates.items():
        path = folder / f"{name}.crt"
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        option = "--certificate" if name == "leaf" else f"--certificate-{name}"
        options += [option, path]
    return options


def test_a_chain_to_a_believed_root_makes_trusted(
    account: Account, signed: Path, need: Need
) -> None:
    need("apptainer")
    options = files(
        account.home,
        leaf=MIDDLE.certify(LEAF, purpose=CODE),
        intermediates=ROOT.certify(MIDDLE, authority=True, depth=0),
        roots=ROOT.certify(ROOT, authority=True),
    )
    result = account.verify(signed, *options, "--require-manifest")
    assert result.status == 0
    (signature,) = result.image["signatures"]
    assert "CN=Ada" in signature["trusted_by"]
    account.program("apptainer", "verify", *options, signed)


@pytest.mark.parametrize(
    ("leaf", "middle", "status", "code"),
    [
        pytest.param(
            MIDDLE.certify(LEAF, purpose=WEB),
            ROOT.certify(MIDDLE, authority=True),
            1,
            "key-unfit",
            id="for web servers",
        ),
        pytest.param(
            MIDDLE.certify(LEAF),
            ROOT.certify(MIDDLE, authority=True),
            1,
            "key-unfit",
            id="for nothing",
        ),
        pytest.param(
            MIDDLE.certify(LEAF, purpose=CODE, ends=timedelta(days=-1)),
            ROOT.certify(MIDDLE, authority=True),
            1,
            "key-expired",
            id="expired",
        ),
        pytest.param(
            MIDDLE.certify(LEAF, purpose=CODE),
            ROOT.certify(MIDDLE, authority=True, ends=timedelta(days=-1)),
            5,
            "signer-not-trusted",
            id="by an authority that expired",
        ),
        pytest.param(
            MIDDLE.certify(LEAF, purpose=CODE),
            ROOT.certify(MIDDLE),
            5,
            "signer-not-trusted",
            id="by one who is no authority",
        ),
        pytest.param(
            MIDDLE.certify(LEAF, purpose=CODE),
            OTHER.certify(MIDDLE, authority=True),
            5,
            "signer-not-trusted",
            id="by an authority that another root made",
        ),
        pytest.param(
            OTHER.certify(LEAF, purpose=CODE),
            ROOT.certify(MIDDLE, authority=True),
            5,
            "signer-not-trusted",
            id="by a stranger",
        ),
    ],
)
def test_a_certificate_that_is_not_fit_makes_nobody_trusted(
    account: Account,
    signed: Path,
    leaf: x509.Certificate,
    middle: x509.Certificate,
    status: int,
    code: str,
) -> None:
    root = ROOT.certify(ROOT, authority=True)
    options = files(account.home, leaf=leaf, intermediates=middle, roots=root)
    result = account.verify(signed, *options, "--engine", "native")
    assert result.status == status, result.out
    assert code in result.codes


def test_a_chain_longer_than_an_authority_allows_makes_nobody_trusted(
    account: Account, signed: Path
) -> None:
    between = [
        ROOT.certify(OTHER, authority=True, depth=0),
        OTHER.certify(MIDDLE, authority=True),
    ]
    options = files(
        account.home,
        leaf=MIDDLE.certify(LEAF, purpose=CODE),
        roots=ROOT.certify(ROOT, authority=True),
    )
    chain = account.home / "chain.crt"
    pem = serialization.Encoding.PEM
    chain.write_bytes(b"".join(one.public_bytes(pem) for one in between))
    result = account.verify(signed, *options, "--certificate-intermediates", chain)
    assert result.status == 5


def test_a_certificate_without_roots_is_a_usage_error(account: Account, signed: Path) -> None:
    options = files(account.home, leaf=MIDDLE.certify(LEAF, purpose=CODE))
    assert account.verify(signed, *options).status == 2


@pytest.mark.parametrize(
    ("ends", "code"),
    [
        pytest.param(timedelta(days=30), "superseded", id="valid"),
        pytest.param(timedelta(days=-1), "notice-without-force", id="expired"),
    ],
)
def test_a_notice_by_a_certificates_key_counts_and_a_withdrawal_outlives_the_certificate(
    account: Account, signed: Path, base_image: Path, ends: timedelta, code: str
) -> None:
    key = ("--key", account.home / "leaf.pem")
    newer = rebuilt(base_image, signed.with_name("climate-2.sif"))
    account.ok("sign", newer, *key)
    account.ok("supersede", signed, newer, *key)
    options = files(
        account.home,
        leaf=MIDDLE.certify(LEAF, purpose=CODE, ends=ends),
        intermediates=ROOT.certify(MIDDLE, authority=True),
        roots=ROOT.certify(ROOT, authority=True),
    )
    assert code in account.verify(signed, *options, "--engine", "native").codes
    account.ok("withdraw", signed, "--reason", "wrong grid", "--yes", *key)
    result = account.verify(signed, *options, "--engine", "native")
    assert (result.status, "withdrawn" in result.codes) == (1, True)
