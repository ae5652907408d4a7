"""What is commonly written in place of the language's own forms, and what to write."""
