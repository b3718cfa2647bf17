"""The carriers' wire formats, and a simulator that plays a carrier."""
