"""Small made-up films as files of every kind that is read."""

from __future__ import annotations

import io

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, JPEGBaseline8Bit

NAME = "Doe^Jane"
"""A person in every file; she must never come out."""


def film(seed: int = 0, shape: tuple[int, int] = (96, 80), high: int = 4095, low: int = 0) -> np.ndarray:
    """uint16 [H, W]: a ramp with noise over ``low`` to ``high``, both of which occur."""
    rng = np.random.default_rng(seed)
    ramp = np.linspace(0, 1, shape[1])[None] * np.linspace(1, 0.3, shape[0])[:, None]
    grey = np.clip(0.8 * ramp + 0.2 * rng.random(shape), 0, 1)
    grey[0, 0], grey[-1, -1] = 0, 1
    return np.round(low + grey * (high - low)).astype(np.uint16)


def dicom(pixels: np.ndarray, **tags: object) -> FileDataset:
    """A DX image of ``pixels`` (uint8, uint16 or int16), 12 bits stored where they fit, explicit VR little endian."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = UID("1.2.3.4.5")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.SOPInstanceUID = "1.2.3.4.5"
    dataset.Modality, dataset.PatientName, dataset.PatientID = "DX", NAME, "123456"
    dataset.PatientSex, dataset.PatientAge, dataset.ViewPosition, dataset.BodyPartExamined = "F", "093Y", "PA", "CHEST"
    dataset.InstitutionName = NAME
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = pixels.dtype.itemsize * 8
    dataset.BitsStored = 12 if dataset.BitsAllocated == 16 and pixels.max() < 4096 else dataset.BitsAllocated
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    if pixels.dtype.kind == "i":
        dataset.BitsStored, dataset.HighBit = 16, 15
    dataset.PixelData = pixels.tobytes()
    for name, value in tags.items():
        setattr(dataset, name, value)
    return dataset


def written(dataset: FileDataset) -> bytes:
    """The bytes of a DICOM file."""
    file = io.BytesIO()
    pydicom.dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()


def as_jpeg_dicom(pixels: np.ndarray, **tags: object) -> bytes:
    """uint8 pixels as a DICOM file of JPEG baseline."""
    dataset = dicom(pixels)
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    dataset.PixelData = encapsulate([encoded(Image.fromarray(pixels), "JPEG", quality=95)])
    dataset["PixelData"].VR = "OB"
    for name, value in tags.items():
        setattr(dataset, name, value)
    return written(dataset)


def compressed(dataset: FileDataset, syntax: str) -> bytes:
    """The file with its pixels compressed by one of pydicom's encoders."""
    dataset.compress(syntax, generate_instance_uid=False)
    return written(dataset)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """The bytes of an image file."""
    file = io.BytesIO()
    image.save(file, format=kind, **options)
    return file.getvalue()
