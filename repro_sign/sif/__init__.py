"""The SIF file format, version 1: its bytes, its descriptors and the documents that get signed.

This folder knows bytes and positions. Keys, signatures and trust are none of its business.
"""
