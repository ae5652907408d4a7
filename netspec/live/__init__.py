"""A picture that follows its file: `netspec serve FILE`, and the preview of editors.

`picture` is what a text looks like, `web` shows it in a browser on this machine alone, `follow` waits for changes.
"""
