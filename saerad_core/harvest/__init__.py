"""From a dataset's files to shards of embeddings and codes, by one machine or several; docs/workspace-format.md, "cache/"."""
