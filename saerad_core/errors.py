"""Exceptions that reach a person. Each message is one plain sentence that says what to do."""


class SaeRadError(ValueError):
    """Base of every error that the app or the command line shows as one sentence."""


class ImageRefused(SaeRadError):
    """An uploaded or listed file is not a usable radiograph; the message names the reason."""


class DatasetError(SaeRadError):
    """A dataset's layout or metadata is not what its adapter expects."""


class FetchError(SaeRadError):
    """A download, or the unpacking of one, can't go on; what is here already is kept unless the message says otherwise."""


class WorkspaceError(SaeRadError):
    """A workspace is missing, unfinished, damaged or of another schema version."""


class EncoderError(SaeRadError):
    """An encoder can't be loaded or doesn't fit the workspace."""


class TrainingError(SaeRadError):
    """Training a sparse autoencoder can't go on; the message says what to change."""
