"""The language for tools that colour text: a TextMate grammar, queries for tree-sitter, a Pygments lexer.

All of them come from the tables of the parser. `python -m netspec.editors` writes those that lie in `editors/`; a test
says where they lag behind.
"""
