"""The images of a site, night after night: what is new, what changed, what is no longer right."""
