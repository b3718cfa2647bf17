"""What every room may use: errors, ids, time, phone numbers and the words of the product."""
