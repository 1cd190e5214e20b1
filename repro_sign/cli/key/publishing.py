"""What to do with a public key that has news: the same steps after `renew` and `revoke`."""

from repro_sign.fingerprint import Fingerprint


def publish_steps(fingerprint: Fingerprint, until_then: str) -> list[str]:
    """Return the steps, a line each; `until_then` says what readers see before they are done."""
    return [
        "  1. put the public key file wherever the old one is: beside your images, on your page",
        f"  2. if a key server has it: repro-sign key publish {fingerprint.hex} --keyserver URL",
        f"  until then {until_then}",
    ]
