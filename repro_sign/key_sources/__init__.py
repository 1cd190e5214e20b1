"""Where other people's keys are asked for, when the caller wants that."""
