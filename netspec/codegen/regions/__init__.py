"""What the items of a region ask for, make and leave."""
