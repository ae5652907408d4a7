"""What comes after training: a run made a live net again, tested, asked, looked into, exported, reported."""
