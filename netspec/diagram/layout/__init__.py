"""Where everything stands: boxes on a page, the ways of their edges."""
