"""What an image was made from and on: captured when it is signed, shown when it is verified.

Everything here is what its author's machine said or its author claims; a signature makes it
their word and nobody else's, not true.
"""
