"""What a net finds in pictures: scored as COCO counts, drawn, and written to files."""
