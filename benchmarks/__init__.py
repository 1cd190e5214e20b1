"""Measurements side by side in one run: ratios between tools on one machine, not seconds alone.

`python -m benchmarks --help` says what can be chosen; docs/performance.md holds recorded results.
"""
