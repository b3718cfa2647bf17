"""Training of the models in `src/callgenie/understanding/weights`; run by hand, see README.md."""
