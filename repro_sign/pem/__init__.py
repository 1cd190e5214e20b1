"""PEM keys, DSSE envelopes and X.509 certificates: the form of signature without OpenPGP."""
