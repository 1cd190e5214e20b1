"""OpenPGP, the public half: certificates, signatures over text, and why one is not good.

pysequoia does the work and is imported nowhere else in this package. What it does not tell (see
each module) is read from packets with the few octets of parsing in `packets`.
"""
