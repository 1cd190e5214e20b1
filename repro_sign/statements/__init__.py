"""What people sign about an image, as values and as files: manifests, notices, reveals and more."""
