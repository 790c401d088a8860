"""How fast kscope is, beside what it is measured against; see README.md."""
