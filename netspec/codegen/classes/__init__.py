"""A block or net as a class: what it is made from, its constructor and its forward."""
