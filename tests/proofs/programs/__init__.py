"""Random programs of scoped layers, and a plain model of what they do."""
