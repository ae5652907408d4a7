"""What an editor asks for, a file each."""
