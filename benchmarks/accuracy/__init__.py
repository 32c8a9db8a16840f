"""Accuracy on public recordings, in the figures of the field."""
