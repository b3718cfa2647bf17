"""What every route shares: problems, pages, request ids."""
