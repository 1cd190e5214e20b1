"""Results as text for people and as JSON for programs. Writes nothing, knows no command line."""
