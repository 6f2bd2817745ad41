"""When and how positions end, and what protects them meanwhile. Pure."""
