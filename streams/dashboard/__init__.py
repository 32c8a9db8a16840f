"""The web page that shows live streams."""
