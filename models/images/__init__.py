"""Images: reading, rendering of sets, preprocessing, thumbnails, contact sheets."""
