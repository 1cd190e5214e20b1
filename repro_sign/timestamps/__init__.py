"""Trusted time: responses of RFC 3161 time-stamping authorities, beside what they are about."""
