"""Sources of market intelligence beside the venue."""
