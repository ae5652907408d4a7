"""What a run is going to be: settings, net and data brought together before anything is loaded or trained."""
