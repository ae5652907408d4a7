"""Training itself: data fed, steps taken, tests after every epoch. Of folders it knows what it is given."""
