"""Lock files: images pinned to their bytes and their signers, in a text to be kept in git."""
