"""Review gates between a signal and an order: each passes or blocks, scales, and says why. Pure."""
