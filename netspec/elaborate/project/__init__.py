"""Files and imports: what a file defines, and the names in what nothing elaborates."""
