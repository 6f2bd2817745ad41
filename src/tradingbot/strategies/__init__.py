"""Six strategies, each a pure function of a view, and the selector."""
