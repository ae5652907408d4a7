"""Pictures and the objects in them: boxes, labels and masks, in a set for each picture."""
