[(body) (train) (step) (comprehension) (list)] @fold
