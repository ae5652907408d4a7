"""From a graph to its picture: `view` says what is drawn, `layout` where, a style of `styles` how, `drawing` writes it.

`texts` writes for other programs, `page` makes the interactive page, and `render.py` is the way in to all of them.
"""
