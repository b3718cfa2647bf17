"""What a user has set: preferences, business, opening hours."""
