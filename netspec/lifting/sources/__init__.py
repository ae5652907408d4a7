"""What names a network: a library, a file of Python, a cfg of Darknet."""
