"""The styles, each a function from a graph's view to a drawing: boxes and arrows, a paper's table, feature maps."""
