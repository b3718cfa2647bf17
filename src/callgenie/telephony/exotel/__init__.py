"""Exotel's wire formats: the Voicebot applet's stream, status callbacks, and the secret that stands for a signature."""
