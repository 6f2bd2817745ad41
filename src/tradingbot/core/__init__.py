"""The vocabulary every other room speaks: pure values, no I/O, no clock, no logger."""
