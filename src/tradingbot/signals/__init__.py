"""Signal components and what they add up to. Pure: (snapshot, parameters) -> readings with reasons."""
