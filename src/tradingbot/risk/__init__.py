"""How much, and whether at all: sizes, caps and portfolio limits. Pure."""
