"""Twilio's wire formats: signatures, TwiML and Media Streams."""
