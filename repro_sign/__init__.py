"""Sign Singularity/Apptainer images, and verify them anywhere.

The library does what the command line does, typed and without printing (docs/library.md):

    from pathlib import Path
    from repro_sign import Fingerprint, TrustPolicy, VerifyRequest, verify_image

    author = Fingerprint.parse("56F8 ...")
    report = verify_image(
        Path("climate.sif"), VerifyRequest(TrustPolicy(trusted={author: "the paper"}))
    )
    if report:  # true only where the image is verified
        ...

Names are imported when they are first used, so that `import repro_sign` costs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from repro_sign.auditing.auditing import AuditRequest, audit
    from repro_sign.auditing.local import LocalExecutor
    from repro_sign.auditing.result import AuditedImage, AuditReport, Event
    from repro_sign.auditing.slurm.executor import SlurmExecutor
    from repro_sign.citing.cited import Cited, Particulars, cited_of
    from repro_sign.citing.forms import cite
    from repro_sign.comparing.compare import compare
    from repro_sign.comparing.result import Comparison, Sameness
    from repro_sign.depositing.depositing import deposit
    from repro_sign.depositing.request import Deposited, DepositRequest
    from repro_sign.digest import Digest
    from repro_sign.ecl.checking import EclAnswer, Ruling, check_folder
    from repro_sign.ecl.control_list import ControlList, read_control_list
    from repro_sign.ecl.generating import (
        EclPlan,
        plan_control_list,
        wishes_of_lock,
        wishes_of_trust_store,
        write_control_list,
    )
    from repro_sign.ecl.global_ring import read_global_ring
    from repro_sign.ecl.linting import lint_control_list
    from repro_sign.errors import (
        MalformedError,
        NoAnswerError,
        NotServedError,
        RefusedError,
        ReproSignError,
        ToolNotFoundError,
        UnreadableError,
        UsageError,
    )
    from repro_sign.examining.noticed import Notices, read_notices
    from repro_sign.examining.surroundings import Surroundings
    from repro_sign.fetching import FetchReport, fetch_key
    from repro_sign.finding import Finding
    from repro_sign.fingerprint import Fingerprint, PemFingerprint, SignerId, parse_signer
    from repro_sign.image_search import find_images
    from repro_sign.inspecting import Inspection, inspect_image
    from repro_sign.key_request import KeyRequest
    from repro_sign.key_sources.keyserver import KeyServer, RememberingKeyServer
    from repro_sign.key_sources.published_keys import PublishedKeys
    from repro_sign.key_sources.web_key_directory import WebKeyDirectory
    from repro_sign.keygen import NewKeyReport, generate_key
    from repro_sign.known_keys import Keys, read_keys
    from repro_sign.lint.finding import LintFinding, LintLevel
    from repro_sign.lint.recipe_file import lint_recipe
    from repro_sign.locking.changes import LockChange, LockChangeKind
    from repro_sign.locking.lock_file import LockedSigner, LockEntry, LockFile
    from repro_sign.locking.text import read_lock
    from repro_sign.noticing import NoticeReport, NoticeRequest, write_notice
    from repro_sign.pem.chain import read_chain
    from repro_sign.pem.checked_chain import CheckedChain
    from repro_sign.pinning.checking import verify_locked
    from repro_sign.pinning.planning import LockPlan, LockRequest, plan_lock, write_lock
    from repro_sign.publishing.folder import FolderReport, publish_in_folder
    from repro_sign.publishing.text import KeyTexts, texts_of
    from repro_sign.publishing.to_key_server import ServerReport, publish_on_server
    from repro_sign.publishing.to_web_directory import DirectoryEntry, publish_in_web_directory
    from repro_sign.remembering import Remembering
    from repro_sign.report.page.writing import write_page
    from repro_sign.revealing import RevealReport, reveal_image
    from repro_sign.sealing import Sealer
    from repro_sign.sealing.preparing import prepare, prepare_file
    from repro_sign.signing import SignReport, SignRequest, sign_image
    from repro_sign.stamping import NoTimestampError
    from repro_sign.statements.manifest import Manifest
    from repro_sign.statements.notice import Notice, NoticeKind, Successor
    from repro_sign.stores.certificates import own_copy
    from repro_sign.stores.key_choice import AmbiguousKeyError, pick_key
    from repro_sign.stores.secret_keys import SigningKey, Store, signing_keys
    from repro_sign.stores.trust_store import TrustEntry, read_entries
    from repro_sign.system.locations import Locations, find_locations
    from repro_sign.timestamps.authorities import read_authorities
    from repro_sign.timestamps.proof import Authorities
    from repro_sign.trust.evidence import (
        Basis,
        ImageEvidence,
        ManifestEvidence,
        Match,
        NoticeEvidence,
        SecondOpinion,
        SignatureEvidence,
    )
    from repro_sign.trust.judge import judge
    from repro_sign.trust.pinned import LockState, Pinned
    from repro_sign.trust.policy import Demand, Expectation, Policies, TrustPolicy
    from repro_sign.trust.verdict import Reason, Verdict, VerdictWord
    from repro_sign.verifying import (
        Engine,
        ImageReport,
        NotVerifiedError,
        VerifyRequest,
        verify_image,
    )
    from repro_sign.verifying_many import verify_many

__version__ = "0.1.0"

__all__ = [
    "AmbiguousKeyError",
    "AuditReport",
    "AuditRequest",
    "AuditedImage",
    "Authorities",
    "Basis",
    "CheckedChain",
    "Cited",
    "Comparison",
    "ControlList",
    "Demand",
    "DepositRequest",
    "Deposited",
    "Digest",
    "DirectoryEntry",
    "EclAnswer",
    "EclPlan",
    "Engine",
    "Event",
    "Expectation",
    "FetchReport",
    "Finding",
    "Fingerprint",
    "FolderReport",
    "ImageEvidence",
    "ImageReport",
    "Inspection",
    "KeyRequest",
    "KeyServer",
    "KeyTexts",
    "Keys",
    "LintFinding",
    "LintLevel",
    "LocalExecutor",
    "Locations",
    "LockChange",
    "LockChangeKind",
    "LockEntry",
    "LockFile",
    "LockPlan",
    "LockRequest",
    "LockState",
    "LockedSigner",
    "MalformedError",
    "Manifest",
    "ManifestEvidence",
    "Match",
    "NewKeyReport",
    "NoAnswerError",
    "NoTimestampError",
    "NotServedError",
    "NotVerifiedError",
    "Notice",
    "NoticeEvidence",
    "NoticeKind",
    "NoticeReport",
    "NoticeRequest",
    "Notices",
    "Particulars",
    "PemFingerprint",
    "Pinned",
    "Policies",
    "PublishedKeys",
    "Reason",
    "RefusedError",
    "Remembering",
    "RememberingKeyServer",
    "ReproSignError",
    "RevealReport",
    "Ruling",
    "Sameness",
    "Sealer",
    "SecondOpinion",
    "ServerReport",
    "SignReport",
    "SignRequest",
    "SignatureEvidence",
    "SignerId",
    "SigningKey",
    "SlurmExecutor",
    "Store",
    "Successor",
    "Surroundings",
    "ToolNotFoundError",
    "TrustEntry",
    "TrustPolicy",
    "UnreadableError",
    "UsageError",
    "Verdict",
    "VerdictWord",
    "VerifyRequest",
    "WebKeyDirectory",
    "__version__",
    "audit",
    "check_folder",
    "cite",
    "cited_of",
    "compare",
    "deposit",
    "fetch_key",
    "find_images",
    "find_locations",
    "generate_key",
    "inspect_image",
    "judge",
    "lint_control_list",
    "lint_recipe",
    "own_copy",
    "parse_signer",
    "pick_key",
    "plan_control_list",
    "plan_lock",
    "prepare",
    "prepare_file",
    "publish_in_folder",
    "publish_in_web_directory",
    "publish_on_server",
    "read_authorities",
    "read_chain",
    "read_control_list",
    "read_entries",
    "read_global_ring",
    "read_keys",
    "read_lock",
    "read_notices",
    "reveal_image",
    "sign_image",
    "signing_keys",
    "texts_of",
    "verify_image",
    "verify_locked",
    "verify_many",
    "wishes_of_lock",
    "wishes_of_trust_store",
    "write_control_list",
    "write_lock",
    "write_notice",
    "write_page",
]


def __getattr__(name: str) -> Any:
    """Import a public name from where it lives."""
    from repro_sign.public_names import HOMES

    if name not in HOMES:
        raise AttributeError(f"module 'repro_sign' has no attribute {name!r}")
    return getattr(importlib.import_module(f"repro_sign.{HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
