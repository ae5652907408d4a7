"""The ground floor: shapes of values, sizes that stay open, and what these must satisfy for a graph to fit."""
