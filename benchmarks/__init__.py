"""What is measured: latency and accuracy."""
