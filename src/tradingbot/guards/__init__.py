"""May anything be opened now? Exits never ask. Pure."""
