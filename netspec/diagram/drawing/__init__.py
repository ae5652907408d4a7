"""Drawings, whatever they show: shapes, texts and their widths, colours, and the writers of SVG, PDF and PNG."""
