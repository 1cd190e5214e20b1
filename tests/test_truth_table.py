"""The truth table of the design, row by row, and what holds for any evidence at all."""

import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro_sign.digest import Digest
from repro_sign.finding import Finding
from repro_sign.fingerprint import Fingerprint, SignerId
from repro_sign.provenance.check import Check, Outcome
from repro_sign.provenance.difference import MachineRow
from repro_sign.statements.notice import NoticeKind, Successor
from repro_sign.trust.evidence import (
    ImageEvidence,
    KeyServerReply,
    ManifestEvidence,
    Match,
    Memory,
    NoticeEvidence,
    Prediction,
    Problem,
    RevealEvidence,
    SecondOpinion,
    Seen,
    SignatureEvidence,
)
from repro_sign.trust.judge import judge
from repro_sign.trust.policy import Demand, Expectation, TrustPolicy
from repro_sign.trust.verdict import Reason, Verdict, VerdictWord

PEOPLE = {
    "ada": Fingerprint("A" * 40),
    "grace": Fingerprint("B" * 40),
    "mallory": Fingerprint("C" * 40),
    "rita": Fingerprint("E" * 40),
}
DIGESTS = {name: Digest(name, "1" * 64) for name in ("sha256", "blake3")}
IDENTITY = Digest("sha256", "2" * 64)
EXPECTATIONS = {
    "this sha256": Expectation("file", DIGESTS["sha256"]),
    "this blake3": Expectation("file", DIGESTS["blake3"]),
    "this identity": Expectation("identity", IDENTITY),
    "another sha256": Expectation("file", Digest("sha256", "3" * 64)),
    "another identity": Expectation("identity", Digest("sha256", "3" * 64)),
}
MACHINES: dict[str, tuple[str | None, str | None]] = {
    "same": ("this one", "this one"),
    "other": ("this one", "another"),
    "not known here": (None, "another"),
    "not said": ("this one", None),
}
OUTCOMES = {
    **dict.fromkeys(("source-same", "outputs-same"), Outcome.SAME),
    **dict.fromkeys(("source-unanswered", "outputs-unanswered"), Outcome.UNKNOWN),
}
CAN_AGREE = (Finding.GOOD, Finding.UNKNOWN_KEY, Finding.UNSUPPORTED)
ROWS: list[dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("truth_table.toml").read_text(encoding="utf-8")
)["row"]


def signature(number: int, row: dict[str, Any], objects: frozenset[int]) -> SignatureEvidence:
    finding = Finding(row.get("finding", "good"))
    agrees = row.get("agrees", finding in CAN_AGREE)
    return SignatureEvidence(
        object_id=number,
        kind="openpgp",
        group=1,
        finding=finding,
        message=f"found to be {finding}",
        covers=frozenset(row.get("covers", objects)) if agrees else frozenset(),
        agrees=agrees,
        signer=PEOPLE.get(row["by"]),
        claimed=None if row["by"] == "nobody" else "D" * 40,
        notes=tuple(row.get("notes", ())),
        signed_at=day(row.get("date")),
        key_ended=day(row.get("ended")),
        existed_before=day(row.get("proven")),
    )


def manifest(number: int, row: dict[str, Any]) -> ManifestEvidence:
    finding = Finding(row.get("finding", "good"))
    match = Match(row["match"]) if finding is Finding.GOOD else None
    return ManifestEvidence(
        name=f"{number}.manifest.asc",
        finding=finding,
        message=f"found to be {finding}",
        signer=PEOPLE.get(row["by"]),
        match=match,
        differences=() if match in (None, Match.EXACT) else ("something differs",),
        signed_at=day(row.get("date")),
        key_ended=day(row.get("ended")),
        existed_before=day(row.get("proven")),
        machine=tuple(
            MachineRow(name, *MACHINES[word]) for name, word in row.get("machine", {}).items()
        ),
        source=checks(row.get("source", ())),
        outputs=checks(row.get("outputs", ())),
    )


def checks(codes: Sequence[str]) -> tuple[Check, ...]:
    return tuple(Check(one, OUTCOMES.get(one, Outcome.DIFFERS), f"found: {one}") for one in codes)


def notice(number: int, row: dict[str, Any]) -> NoticeEvidence:
    return NoticeEvidence(
        name=f"{number}.notice.asc",
        kind=NoticeKind(row["kind"]),
        finding=Finding(row.get("finding", "good")),
        message="found",
        signer=PEOPLE.get(row["by"]),
        words=("the grid was shifted",),
        successor=Successor("better.sif", IDENTITY, DIGESTS["sha256"])
        if row["kind"] == "superseded"
        else None,
    )


def reveal(number: int, row: dict[str, Any]) -> RevealEvidence:
    finding = Finding(row.get("finding", "good"))
    said = finding is Finding.GOOD
    another = row.get("about") == "another image"
    identity = Digest("sha256", "3" * 64) if another else IDENTITY
    return RevealEvidence(
        name=f"{number}.reveal.asc",
        finding=finding,
        message=f"found to be {finding}",
        signer=PEOPLE.get(row["by"]),
        identity=identity if said else None,
        author=PEOPLE[row.get("author", "ada")] if said else None,
        review=PEOPLE[row.get("review", "rita")] if said else None,
    )


def memory(row: dict[str, Any]) -> Memory:
    identity = IDENTITY if row.get("same") else Digest("sha256", "4" * 64)
    newest: dict[SignerId, Seen] = {
        PEOPLE[name]: Seen(moment, identity)
        for name, date in row.get("newest", {}).items()
        if (moment := day(date))
    }
    return Memory(frozenset(PEOPLE[name] for name in row.get("signers", ())), newest)


def day(date: Any) -> datetime | None:
    return datetime(date.year, date.month, date.day, tzinfo=UTC) if date else None


def evidence_of(row: dict[str, Any]) -> ImageEvidence:
    objects = frozenset(row.get("objects", (1, 2, 3)))
    opinion = row.get("second_opinion")
    answers = {"accepts": True, "refuses": False, "none": None}
    return ImageEvidence(
        name="climate.sif",
        problem=Problem(row["problem"], "breaks the format") if "problem" in row else None,
        objects=objects,
        signatures=tuple(
            signature(4 + number, one, objects)
            for number, one in enumerate(row.get("signatures", ()))
        ),
        manifests=tuple(manifest(*pair) for pair in enumerate(row.get("manifests", ()))),
        notices=tuple(notice(*pair) for pair in enumerate(row.get("notices", ()))),
        reveals=tuple(reveal(*pair) for pair in enumerate(row.get("reveals", ()))),
        unread=tuple(row.get("unread", ())),
        memory=memory(row["memory"]) if "memory" in row else None,
        second_opinion=SecondOpinion(
            answers[opinion["answer"]], "words", Prediction(opinion["predicted"]), "because"
        )
        if opinion
        else None,
        key_server=KeyServerReply(
            trouble="gave no answer" if row.get("key_server") == "silent" else "",
            notes=("does not have the key",) if row.get("key_server") == "empty" else (),
        ),
        digests=DIGESTS,
        identity=IDENTITY,
    )


def policy_of(row: dict[str, Any]) -> TrustPolicy:
    rules = dict(row.get("policy", {}))
    trusted = rules.pop("trusted", ["ada", "grace"])
    expect = tuple(EXPECTATIONS[name] for name in rules.pop("expect", ()))
    demands = tuple(
        Demand(one["count"], frozenset(one["of"]), f"{one['count']} of lab")
        for one in rules.pop("demands", ())
    )
    until = rules.pop("until", {})
    people: dict[SignerId, str] = {
        PEOPLE[name]: person for name, person in rules.pop("people", {}).items()
    }
    return TrustPolicy(
        {PEOPLE[name]: "--signer" for name in trusted},
        expect=expect,
        people=people,
        demands=demands,
        until={PEOPLE[name]: end for name, date in until.items() if (end := day(date))},
        newer_than=day(rules.pop("newer_than", None)),
        require_same=frozenset(rules.pop("require_same", ())),
        **rules,
    )


@pytest.mark.parametrize("row", [pytest.param(row, id=row["case"]) for row in ROWS])
def test_each_row_gives_its_verdict_reason_and_notes(row: dict[str, Any]) -> None:
    verdict = judge(evidence_of(row), policy_of(row))
    assert (verdict.word, verdict.reasons[0].code) == (row["verdict"], row["reason"])
    assert {note.code for note in verdict.notes} >= set(row.get("notes", ()))
    assert bool(verdict) == (row["verdict"] == "verified")


@pytest.mark.parametrize("row", [pytest.param(row, id=row["case"]) for row in ROWS])
def test_each_row_can_be_shown_to_people(row: dict[str, Any]) -> None:
    assert all(row[column] for column in ("case", "inside", "beside", "verdict"))
    assert [other["case"] for other in ROWS].count(row["case"]) == 1


def test_the_table_has_every_finding_match_prediction_and_verdict() -> None:
    signatures = [one for row in ROWS for one in row.get("signatures", ())]
    manifests = [one for row in ROWS for one in row.get("manifests", ())]
    opinions = [row["second_opinion"] for row in ROWS if "second_opinion" in row]
    assert {one.get("finding", "good") for one in signatures} == set(Finding)
    assert {one["match"] for one in manifests if "match" in one} == set(Match)
    assert {one["predicted"] for one in opinions} == set(Prediction)
    assert {row["verdict"] for row in ROWS} == set(VerdictWord)


@pytest.mark.parametrize("word", list(VerdictWord))
def test_only_verified_is_true(word: VerdictWord) -> None:
    assert bool(Verdict(word, (Reason("code", "message"),))) == (word == "verified")


# Evidence of any kind; good signatures often enough that much of it is verified.

OBJECTS = st.sampled_from([frozenset({1}), frozenset({1, 2})])
FINDINGS = st.sampled_from([Finding.GOOD] * 12 + list(Finding))
SIGNER = st.sampled_from(["ada", "ada", "grace", "grace", "mallory"])
SIGNATURES = st.fixed_dictionaries(
    {"by": SIGNER, "finding": FINDINGS}, optional={"covers": OBJECTS, "agrees": st.booleans()}
)
MANIFESTS = st.fixed_dictionaries(
    {"by": SIGNER, "finding": FINDINGS, "match": st.sampled_from(list(Match))}
)
EVIDENCE = st.fixed_dictionaries(
    {
        "objects": OBJECTS,
        "signatures": st.lists(SIGNATURES, max_size=4),
        "manifests": st.lists(MANIFESTS, max_size=2),
    }
).map(evidence_of)
POLICIES = st.builds(
    TrustPolicy,
    st.sets(st.sampled_from(["ada", "grace"])).map(
        lambda names: {PEOPLE[name]: "--signer" for name in names}
    ),
    require=st.integers(1, 2),
)


def vouching(evidence: ImageEvidence, number: int) -> set[SignerId | None]:
    """Who vouches for one object, counted the slow way."""
    inside = [one.signer for one in evidence.signatures if number in one.covers and _good(one)]
    beside = [
        one.signer for one in evidence.manifests if _good(one) and one.match is not Match.DIFFERS
    ]
    return {*inside, *beside}


def _good(one: SignatureEvidence | ManifestEvidence) -> bool:
    return one.finding is Finding.GOOD


@given(EVIDENCE, POLICIES)
def test_verified_means_that_enough_trusted_people_vouch_for_every_object(
    evidence: ImageEvidence, policy: TrustPolicy
) -> None:
    verdict = judge(evidence, policy)
    voices: list[SignatureEvidence | ManifestEvidence] = [
        *evidence.signatures,
        *evidence.manifests,
    ]
    theirs = [one for one in voices if one.signer in policy.trusted]
    contradicted = any(one.finding.disagrees or one.finding.spoils for one in theirs) or any(
        one.match is Match.DIFFERS for one in evidence.manifests if one.signer in policy.trusted
    )
    enough = all(
        len(vouching(evidence, number) & policy.trusted.keys()) >= policy.require
        for number in evidence.objects
    )
    assert not verdict or (enough and not contradicted)
    spoilt = any(one.finding.spoils or one.finding is Finding.MALFORMED for one in voices)
    assert verdict or not enough or contradicted or spoilt


@given(EVIDENCE)
def test_an_empty_policy_verifies_nothing(evidence: ImageEvidence) -> None:
    assert not judge(evidence, TrustPolicy())


@given(EVIDENCE, POLICIES, SIGNATURES)
def test_nothing_that_a_stranger_adds_makes_an_image_verified(
    evidence: ImageEvidence, policy: TrustPolicy, added: dict[str, Any]
) -> None:
    more = signature(99, {**added, "by": "mallory"}, evidence.objects)
    with_stranger = ImageEvidence(
        evidence.name,
        objects=evidence.objects,
        signatures=(*evidence.signatures, more),
        manifests=evidence.manifests,
    )
    assert not judge(with_stranger, policy) or judge(evidence, policy)


def test_a_policy_that_requires_nobody_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="at least one"):
        TrustPolicy(require=0)


def _signature(number: int, by: SignerId, finding: Finding, name: str) -> SignatureEvidence:
    good = finding is Finding.GOOD
    covers = frozenset({1}) if good else frozenset[int]()
    return SignatureEvidence(
        number, "openpgp", 1, finding, str(finding), covers, good, by, user_id=name
    )


def test_a_stranger_who_says_something_else_is_named() -> None:
    ada, mallory = Fingerprint("A" * 40), Fingerprint("C" * 40)
    signatures = (
        _signature(2, ada, Finding.GOOD, "Ada"),
        _signature(3, mallory, Finding.DATA_CHANGED, "Mallory"),
    )
    evidence = ImageEvidence("x", objects=frozenset({1}), signatures=signatures)
    (note,) = judge(evidence, TrustPolicy({ada: "--signer"})).notes
    assert "Mallory" in note.message


def test_a_trusted_manifest_that_differs_fails_even_without_words() -> None:
    ada = Fingerprint("A" * 40)
    manifest = ManifestEvidence("m", Finding.GOOD, "good", ada, match=Match.DIFFERS)
    signed = (_signature(2, ada, Finding.GOOD, "Ada"),)
    evidence = ImageEvidence("x", None, frozenset({1}), signed, (manifest,))
    assert not judge(evidence, TrustPolicy({ada: "--signer"}))


def test_a_trusted_manifest_that_can_not_be_checked_is_named() -> None:
    ada = Fingerprint("A" * 40)
    manifest = ManifestEvidence("m", Finding.UNSUPPORTED, "can't be checked", ada)
    signed = (_signature(2, ada, Finding.GOOD, "Ada"),)
    evidence = ImageEvidence("x", None, frozenset({1}), signed, (manifest,))
    assert judge(evidence, TrustPolicy({ada: "--signer"})).notes
