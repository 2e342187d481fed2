"""Lambda: each execution environment is a process that asks a Runtime API for its work."""
