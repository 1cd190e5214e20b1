"""Policies for groups: a TOML file that says who has to sign which images (docs/trust.md)."""
