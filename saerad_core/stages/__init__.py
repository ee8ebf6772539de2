"""The stages of a build, one a module. Each reads and writes the workspace and can be run again."""
