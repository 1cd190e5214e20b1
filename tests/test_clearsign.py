"""Clear-signed blocks: what is handed on is what was signed, and there is one way to read it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro_sign.errors import MalformedError
from repro_sign.openpgp.clearsign import BEGIN, frame, parse
from tests.account import Signer

SIGNATURE = b"-----BEGIN PGP SIGNATURE-----\n\nwnUEARYKAB0=\n=aIKA\n-----END PGP SIGNATURE-----\n"
BLOCK = frame(b'{"version":1}\n- a dash', SIGNATURE, "SHA256")

LINES = st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"])).map(
    lambda line: line.encode().rstrip(b" \t")
)
TEXTS = st.lists(LINES | LINES.map(lambda line: b"-" + line).map(bytes.rstrip), min_size=1).map(
    b"\n".join
)


@given(TEXTS, st.booleans(), st.booleans())
def test_a_text_comes_back_as_it_was_framed(text: bytes, crlf: bool, final: bool) -> None:
    block = frame(text, SIGNATURE, "SHA512") + (b"\n" if final else b"")
    parsed = parse(block.replace(b"\n", b"\r\n") if crlf else block)
    assert parsed.text == text
    assert parsed.signature == SIGNATURE
    assert parsed.canonical.split(b"\r\n") == text.split(b"\n")


@given(TEXTS)
def test_no_line_of_the_framed_text_can_be_taken_for_armor(text: bytes) -> None:
    framed = frame(text, SIGNATURE, "SHA256").removesuffix(SIGNATURE.rstrip(b"\n"))
    body = framed.split(b"\n")[3:]
    assert not any(line.startswith(b"-") and not line.startswith(b"- ") for line in body)


@pytest.mark.parametrize(
    ("block", "complaint"),
    [
        pytest.param(b"hello\n" + BLOCK, "BEGIN", id="text before it"),
        pytest.param(b"\n" + BLOCK, "BEGIN", id="an empty line before it"),
        pytest.param(b" " + BLOCK, "BEGIN", id="a blank before it"),
        pytest.param(b"\xef\xbb\xbf" + BLOCK, "BEGIN", id="a byte order mark before it"),
        pytest.param(BLOCK + b"\nhello", "follows", id="text after it"),
        pytest.param(BLOCK + b"\n\n", "follows", id="two line ends after it"),
        pytest.param(BLOCK + b" ", "follows", id="a blank after it"),
        pytest.param(BLOCK + b"\n" + BLOCK, "more than one", id="a second block"),
        pytest.param(BLOCK + b"\n" + SIGNATURE, "more than one", id="a second signature block"),
        pytest.param(
            BLOCK.replace(b"Hash: SHA256", b"Hash: SHA256\nComment: trust me"),
            "other than Hash",
            id="a Comment header",
        ),
        pytest.param(
            BLOCK.replace(b"Hash: SHA256", b"Hash: SHA256\nNotDashEscaped: yes"),
            "other than Hash",
            id="a NotDashEscaped header",
        ),
        pytest.param(
            BLOCK.replace(b"Hash: SHA256", b"hash: SHA256"),
            "other than Hash",
            id="hash in lower case",
        ),
        pytest.param(
            BLOCK.replace(b"Hash: SHA256", b"Hash: "),
            "other than Hash",
            id="a Hash header of nothing",
        ),
        pytest.param(
            BLOCK.replace(b"Hash: SHA256", b"Hash: SHA256\n "),
            "other than Hash",
            id="a blank as header",
        ),
        pytest.param(
            BLOCK.replace(b"Hash: SHA256\n\n", b""), "no text", id="no header, no empty line"
        ),
        pytest.param(BLOCK.replace(b"\n\n", b"\n", 1), "no text", id="no empty line"),
        pytest.param(BLOCK.replace(b"version", b"ver\rsion"), "bare carriage", id="a bare CR"),
        pytest.param(
            BLOCK.replace(b"\n", b"\r\n") + b"\r", "bare carriage", id="a bare CR at the end"
        ),
        pytest.param(BLOCK.replace(b"1}", b"1} "), "ends with a blank", id="a trailing blank"),
        pytest.param(BLOCK.replace(b"1}", b"1}\t"), "ends with a blank", id="a trailing tab"),
        pytest.param(BLOCK.replace(b"a dash", b"a "), "ends with a blank", id="after an escape"),
        pytest.param(
            BLOCK.replace(b"- - a", b"-- a"), "bare dash", id="a dash that is not escaped"
        ),
        pytest.param(BLOCK.replace(b"1}", b"1}\n-"), "bare dash", id="a dash alone"),
        pytest.param(
            BLOCK.partition(b"-----BEGIN PGP SIGNATURE")[0],
            "its end is missing",
            id="an opening only",
        ),
        pytest.param(BLOCK.removesuffix(b"-----END PGP SIGNATURE-----"), "end is", id="no end"),
        pytest.param(
            BLOCK.replace(b"BEGIN PGP SIGNATURE", b"BEGIN PGP MESSAGE"), "incomplete", id="no armor"
        ),
        pytest.param(BEGIN, "its end is missing", id="its first line only"),
        pytest.param(SIGNATURE, "BEGIN", id="a signature only"),
        pytest.param(b"", "BEGIN", id="nothing"),
    ],
)
def test_anything_but_one_strict_block_is_malformed(block: bytes, complaint: str) -> None:
    with pytest.raises(MalformedError, match=complaint):
        parse(block)


@pytest.mark.parametrize(
    ("block", "text"),
    [
        pytest.param(
            BLOCK.replace(b"Hash: SHA256\n", b""), b'{"version":1}\n- a dash', id="no Hash header"
        ),
        pytest.param(
            BLOCK.replace(b"Hash: SHA256", b"Hash: SHA256, SHA512"),
            b'{"version":1}\n- a dash',
            id="two hashes in one header",
        ),
        pytest.param(
            BLOCK.replace(b"Hash: SHA256", b"Hash: SHA256\nHash: SHA512"),
            b'{"version":1}\n- a dash',
            id="two Hash headers",
        ),
        pytest.param(
            BLOCK.replace(b'{"version"', b'- {"version"'),
            b'{"version":1}\n- a dash',
            id="an escape where none is needed",
        ),
        pytest.param(
            BLOCK.replace(b"- - a dash", b"- - a dash\n"),
            b'{"version":1}\n- a dash\n',
            id="an empty last line",
        ),
        pytest.param(frame(b"", SIGNATURE, "SHA256"), b"", id="an empty text"),
    ],
)
def test_unusual_but_clear_blocks_are_read(block: bytes, text: bytes) -> None:
    assert parse(block).text == text


@pytest.mark.parametrize("end", [b" ", b"\t", b"\r"])
def test_a_text_that_would_not_be_signed_as_it_stands_is_not_framed(end: bytes) -> None:
    with pytest.raises(ValueError, match="ends with a blank"):
        frame(b"first" + end + b"\nsecond", SIGNATURE, "SHA256")


@given(st.binary(max_size=300) | st.lists(st.sampled_from(BLOCK.split(b"\n"))).map(b"\n".join))
def test_any_bytes_give_a_text_that_frames_to_the_same_or_our_error(block: bytes) -> None:
    try:
        parsed = parse(block)
    except MalformedError:
        return
    assert parse(frame(parsed.text, parsed.signature, "SHA256")) == parsed


def test_a_block_by_the_real_gpg_is_read(grace: Signer) -> None:
    text = "plain\n- dash\n-----BEGIN PGP SIGNATURE-----\n\nlast"
    made = grace.account.program(
        "gpg", "--batch", "--clearsign", "--local-user", grace.fingerprint, stdin=text.encode()
    )
    assert parse(made.out.encode()).text == text.encode()
