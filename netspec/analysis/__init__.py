"""What can be read off a graph without running it: counts, the summary, receptive fields."""
