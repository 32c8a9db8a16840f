"""What a benchmark measures: heartwire itself, or somebody else's pipeline."""
