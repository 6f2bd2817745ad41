"""The simulated venue as plain values and rules: market, matching, accounts, faults. No sockets, no clock, no files."""
