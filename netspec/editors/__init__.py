"""The language for tools that colour text: a TextMate grammar and a Pygments lexer, from the tables of the parser.

`python -m netspec.editors` writes the grammar into the extension of VS Code; a test says where it lags behind.
"""
