"""Graph to picture: a view, its layout, a drawing, and the drawing written as SVG, PNG, PDF, TikZ or a page."""
