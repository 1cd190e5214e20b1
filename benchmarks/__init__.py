"""Measurements side by side in one run: ratios between tools on one machine, not seconds alone."""
