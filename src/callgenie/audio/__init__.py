"""Sound as bytes: G.711, WAV, resampling."""
