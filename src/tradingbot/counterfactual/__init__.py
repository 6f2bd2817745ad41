"""Every signal with a side carried forward as if it were traded, by the code that real positions go through. Pure."""
