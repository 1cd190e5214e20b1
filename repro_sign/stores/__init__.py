"""Where keys and trust are kept: Apptainer's ring, GnuPG, the trust store, and what they hold."""
