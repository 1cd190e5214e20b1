"""What this machine has: files and folders, programs, processes, places."""
