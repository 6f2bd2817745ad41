"""Our book of positions, and its comparison with the venue's. Pure."""
