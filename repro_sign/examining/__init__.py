"""How an image is examined: what its bytes, its signatures and what lies beside it say."""
