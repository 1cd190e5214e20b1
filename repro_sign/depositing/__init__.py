"""Put an image together with its source, its results and all that checks them, for an archive."""
