"""An image as it is cited: for the paper, the artifact's form, the archive, and programs."""
