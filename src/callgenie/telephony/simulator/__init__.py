"""A carrier in a box: it plays Twilio over real HTTP and a real web socket, with scripted callers."""
