"""The thin shell around the decision: gather, carry out, remember."""
