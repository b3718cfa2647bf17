"""Live calls: from the carrier's webhook to the settled record."""
