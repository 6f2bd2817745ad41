"""One file per page: values for its template and, the same, for the interface for programs."""
