"""Mail: what a letter is, how it looks, and two ways to get it out."""
