"""Images: reading, preprocessing, thumbnails, contact sheets."""
