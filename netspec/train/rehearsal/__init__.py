"""What can be known before a long training: the memory it takes, its learning rate, its samples, that it resumes."""
