"""A report as a file: text, JSON, PDF, DOCX and DICOM SR, each with the notice, and what re-creates it."""
