"""Two graphs beside each other: which stages are the same, and which weights of one fit the other.

`alignment` pairs the stages, `differences` says what has changed, `weights` plans what a file of weights becomes.
"""
