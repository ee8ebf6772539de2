"""The sparse step: what k active features a token make unnecessary is not computed."""
