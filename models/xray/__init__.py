"""X-ray networks: catheters and guidewires."""
