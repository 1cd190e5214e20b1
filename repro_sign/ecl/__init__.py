"""Apptainer's Execution Control List: written, read critically, and tried without running anything.

What it does is in the SIF reference, section 11; what `checking` predicts is held against the real
program by tests/test_ecl_check.py.
"""
