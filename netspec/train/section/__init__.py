"""A train section read: what it names, checked against the declarations of what there is."""
