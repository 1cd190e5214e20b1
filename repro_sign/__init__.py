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
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from repro_sign.digest import Digest
    from repro_sign.errors import (
        MalformedError,
        NoAnswerError,
        RefusedError,
        ReproSignError,
        ToolNotFoundError,
        UnreadableError,
        UsageError,
    )
    from repro_sign.finding import Finding
    from repro_sign.fingerprint import Fingerprint, PemFingerprint, SignerId, parse_signer
    from repro_sign.inspecting import Inspection, inspect_image
    from repro_sign.key_request import KeyRequest
    from repro_sign.keygen import NewKeyReport, generate_key
    from repro_sign.known_keys import Keys, read_keys
    from repro_sign.locations import Locations, find_locations
    from repro_sign.manifest import Manifest
    from repro_sign.pem.chain import read_chain
    from repro_sign.pem.checked_chain import CheckedChain
    from repro_sign.sealing import Sealer
    from repro_sign.sealing.preparing import prepare, prepare_file
    from repro_sign.signing import SignReport, SignRequest, sign_image
    from repro_sign.stores.secret_keys import (
        AmbiguousKeyError,
        SigningKey,
        Store,
        pick_key,
        signing_keys,
    )
    from repro_sign.stores.trust_store import TrustEntry, read_entries
    from repro_sign.trust.evidence import (
        ImageEvidence,
        ManifestEvidence,
        Match,
        SecondOpinion,
        SignatureEvidence,
    )
    from repro_sign.trust.judge import Reason, Verdict, VerdictWord, judge
    from repro_sign.trust.policy import Expectation, TrustPolicy
    from repro_sign.verifying import (
        Engine,
        ImageReport,
        NotVerifiedError,
        VerifyRequest,
        find_images,
        verify_image,
    )

__version__ = "0.1.0"

_HOMES: Final = {
    "AmbiguousKeyError": "stores.secret_keys",
    "CheckedChain": "pem.checked_chain",
    "Digest": "digest",
    "Engine": "verifying",
    "Expectation": "trust.policy",
    "Finding": "finding",
    "Fingerprint": "fingerprint",
    "ImageEvidence": "trust.evidence",
    "ImageReport": "verifying",
    "Inspection": "inspecting",
    "KeyRequest": "key_request",
    "Keys": "known_keys",
    "Locations": "locations",
    "MalformedError": "errors",
    "Manifest": "manifest",
    "ManifestEvidence": "trust.evidence",
    "Match": "trust.evidence",
    "NewKeyReport": "keygen",
    "NoAnswerError": "errors",
    "NotVerifiedError": "verifying",
    "PemFingerprint": "fingerprint",
    "Reason": "trust.judge",
    "RefusedError": "errors",
    "ReproSignError": "errors",
    "Sealer": "sealing",
    "SecondOpinion": "trust.evidence",
    "SignReport": "signing",
    "SignRequest": "signing",
    "SignatureEvidence": "trust.evidence",
    "SignerId": "fingerprint",
    "SigningKey": "stores.secret_keys",
    "Store": "stores.secret_keys",
    "ToolNotFoundError": "errors",
    "TrustEntry": "stores.trust_store",
    "TrustPolicy": "trust.policy",
    "UnreadableError": "errors",
    "UsageError": "errors",
    "Verdict": "trust.judge",
    "VerdictWord": "trust.judge",
    "VerifyRequest": "verifying",
    "find_images": "verifying",
    "find_locations": "locations",
    "generate_key": "keygen",
    "inspect_image": "inspecting",
    "judge": "trust.judge",
    "parse_signer": "fingerprint",
    "pick_key": "stores.secret_keys",
    "prepare": "sealing.preparing",
    "prepare_file": "sealing.preparing",
    "read_chain": "pem.chain",
    "read_entries": "stores.trust_store",
    "read_keys": "known_keys",
    "sign_image": "signing",
    "signing_keys": "stores.secret_keys",
    "verify_image": "verifying",
}
"""The module, below this package, in which each public name lives."""

__all__ = [
    "AmbiguousKeyError",
    "CheckedChain",
    "Digest",
    "Engine",
    "Expectation",
    "Finding",
    "Fingerprint",
    "ImageEvidence",
    "ImageReport",
    "Inspection",
    "KeyRequest",
    "Keys",
    "Locations",
    "MalformedError",
    "Manifest",
    "ManifestEvidence",
    "Match",
    "NewKeyReport",
    "NoAnswerError",
    "NotVerifiedError",
    "PemFingerprint",
    "Reason",
    "RefusedError",
    "ReproSignError",
    "Sealer",
    "SecondOpinion",
    "SignReport",
    "SignRequest",
    "SignatureEvidence",
    "SignerId",
    "SigningKey",
    "Store",
    "ToolNotFoundError",
    "TrustEntry",
    "TrustPolicy",
    "UnreadableError",
    "UsageError",
    "Verdict",
    "VerdictWord",
    "VerifyRequest",
    "__version__",
    "find_images",
    "find_locations",
    "generate_key",
    "inspect_image",
    "judge",
    "parse_signer",
    "pick_key",
    "prepare",
    "prepare_file",
    "read_chain",
    "read_entries",
    "read_keys",
    "sign_image",
    "signing_keys",
    "verify_image",
]


def __getattr__(name: str) -> Any:
    """Import a public name from where it lives."""
    if name not in _HOMES:
        raise AttributeError(f"module 'repro_sign' has no attribute {name!r}")
    return getattr(importlib.import_module(f"repro_sign.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
