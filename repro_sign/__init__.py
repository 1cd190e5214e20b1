"""Sign Singularity/Apptainer images, and verify them anywhere."""

__version__ = "0.1.0"
