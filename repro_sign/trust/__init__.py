"""Evidence, policy and verdict: three values, and the one pure function that decides."""
