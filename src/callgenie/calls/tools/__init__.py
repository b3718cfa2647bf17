"""What the assistant can do in a call for its owner: take a message, look up the hours, hand the caller on."""
