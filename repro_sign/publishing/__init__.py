"""Use case: put a public key where its readers find it, a module for each way.

A folder, a key server, a Web Key Directory, and text for the paper. Never a secret key.
"""
