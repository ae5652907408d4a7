"""The language server: `netspec lsp` speaks the Language Server Protocol on the standard input and output.

`document` is what is known of one file while it is typed; a file here answers one kind of question about it, and
`server` is the protocol around them.
"""
