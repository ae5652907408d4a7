"""What to say of a mistake: what lies behind it, both sides, and the mend."""
