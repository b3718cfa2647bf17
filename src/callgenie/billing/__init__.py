"""Plans, periods, and the ledger that counts each second once."""
