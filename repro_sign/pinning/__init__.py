"""Use cases: images pinned in a lock file, and folders held against one."""
