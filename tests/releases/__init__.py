"""What each released version wrote, kept for ever: later versions still have to read it."""
