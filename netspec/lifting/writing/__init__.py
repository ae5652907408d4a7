"""Items to statements, and statements to lines."""
