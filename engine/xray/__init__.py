"""X-ray processing: device map, centreline, tip, tracking and overlay."""
