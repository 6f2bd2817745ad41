"""Durable state: typed documents, append-only journals, one writer thread, one lock per home folder (SPEC 15)."""
