"""The weights that ship, each with its card."""
