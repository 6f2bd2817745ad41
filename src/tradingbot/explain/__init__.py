"""Why it did what it did: the records of one signal or trade joined, computed again, and put into one view model."""
