"""A time-stamping authority for tests."""
