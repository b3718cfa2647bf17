"""The data plane of a call: 20 ms frames, turn taking, playback, latency. It knows no database, no HTTP and no user."""
