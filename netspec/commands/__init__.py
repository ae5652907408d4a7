"""The commands, by subject. Whatever is only needed by one command is imported in it."""
