"""Moving in from the Node version: its users, profiles and conversations become ours, as often as it is run."""
