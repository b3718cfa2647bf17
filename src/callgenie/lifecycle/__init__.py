"""What spans several features: signing up, and the Python library."""
