"""DICOM radiographs: the grey levels of the standard, the few facts that may be known, and no name ever."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGExtended12Bit,
    RLELossless,
)

from saerad_core.errors import ImageRefused
from saerad_core.images import part10
from saerad_core.images.grey import window
from saerad_core.images.radiograph import decode
from tests.images.films import NAME, as_jpeg_dicom, compressed, dicom, encoded, film, written

FULL = {"WindowCenter": 2048, "WindowWidth": 4096}
"""Of 12 bits: every stored value v is shown as v / 4095."""


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_stored_values_are_shown_through_the_window(seed) -> None:
    values = film(seed)
    np.testing.assert_allclose(decode(written(dicom(values, **FULL))).pixels, values / 4095, atol=1e-6)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_monochrome1_is_inverted_once(seed, windowed) -> None:
    values, window = film(seed), FULL if windowed else {}
    normal = decode(written(dicom(values, **window))).pixels
    inverted = decode(written(dicom(4095 - values, PhotometricInterpretation="MONOCHROME1", **window))).pixels
    np.testing.assert_allclose(inverted, normal, atol=1e-5)


@settings(max_examples=15, deadline=None)
@given(st.floats(0.1, 20), st.floats(-3000, 3000))
def test_a_rescale_with_its_window_changes_nothing(slope, intercept) -> None:
    slope, intercept = round(slope, 3), round(intercept, 1)
    values = film()
    plain = decode(written(dicom(values))).pixels
    rescaled = dicom(values, RescaleSlope=slope, RescaleIntercept=intercept, RescaleType="US")
    np.testing.assert_allclose(decode(written(rescaled)).pixels, plain, atol=1e-3)
    rescaled.WindowCenter, rescaled.WindowWidth = round(2047.5 * slope + intercept, 4), round(4095 * slope, 4)
    rescaled.VOILUTFunction = "LINEAR_EXACT"
    np.testing.assert_allclose(decode(written(rescaled)).pixels, values / 4095, atol=1e-3)


def test_window_functions_follow_the_standard() -> None:
    values = np.array([0, 899, 900, 1000, 1100, 4000], dtype=np.float32)
    # PS3.3 C.11.2.1.2.1: black up to c - 0.5 - (w - 1) / 2, white from c - 0.5 + (w - 1) / 2.
    np.testing.assert_allclose(window(values, 1000, 201), [0, 0, 0.0025, 0.5025, 1, 1], atol=1e-6)
    np.testing.assert_allclose(window(values, 1000, 200, "LINEAR_EXACT"), [0, 0, 0, 0.5, 1, 1], atol=1e-6)
    np.testing.assert_allclose(window(values, 1000, 200, "SIGMOID")[3], 0.5)
    assert np.isfinite(window(np.float64([-1e9, 1e9]), 0, 1e-3, "SIGMOID")).all()


def test_several_windows_take_the_first() -> None:
    values = film()
    both = dicom(values, WindowCenter=[2048, 100], WindowWidth=[4096, 10])
    assert np.array_equal(decode(written(both)).pixels, decode(written(dicom(values, **FULL))).pixels)


def test_a_window_beside_the_values_is_not_used() -> None:
    read = decode(written(dicom(film(), WindowCenter=60_000, WindowWidth=100)))
    assert read.facts["window"] == "the full scale" and "Nothing shows" in read.facts["warning"]
    assert np.ptp(read.pixels) == 1


def test_a_lookup_table_is_used() -> None:
    values = film(high=255, shape=(80, 80))
    table = Dataset()
    table.LUTDescriptor = [256, 0, 8]
    table["LUTDescriptor"].VR = "US"
    table.LUTData = [255 - v for v in range(256)]
    table["LUTData"].VR = "US"
    dataset = dicom(values)
    dataset.VOILUTSequence = [table]
    np.testing.assert_allclose(decode(written(dataset)).pixels, 1 - values / 255, atol=1e-6)


def test_signed_values() -> None:
    values = film().astype(np.int16) - 2000
    shown = decode(written(dicom(values, WindowCenter=48, WindowWidth=4096))).pixels
    np.testing.assert_allclose(shown, (values + 2000) / 4095, atol=1e-6)


def test_overlays_in_the_unused_bits_are_left_out() -> None:
    values = film()
    drawn = values.copy()
    drawn[::3] |= 0x8000
    dataset = dicom(drawn, **FULL)
    dataset.BitsStored, dataset.HighBit = 12, 11
    assert np.array_equal(decode(written(dataset)).pixels, decode(written(dicom(values, **FULL))).pixels)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_lossless_compression_changes_nothing(syntax) -> None:
    values = film()
    read = decode(compressed(dicom(values, **FULL), syntax)).pixels
    assert np.array_equal(read, decode(written(dicom(values, **FULL))).pixels)


def test_implicit_vr() -> None:
    dataset = dicom(film(), **FULL)
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    assert np.array_equal(decode(written(dataset)).pixels, decode(written(dicom(film(), **FULL))).pixels)


def test_jpeg_baseline() -> None:
    values = film(high=255).astype(np.uint8)
    np.testing.assert_allclose(decode(as_jpeg_dicom(values)).pixels, values / 255, atol=0.06)


def test_a_grey_screen_capture_in_three_channels_is_read() -> None:
    values = film(high=255).astype(np.uint8)
    dataset = dicom(values, Modality="SC", SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0)
    dataset.PixelData = np.repeat(values[..., None], 3, axis=2).tobytes()
    np.testing.assert_allclose(decode(written(dataset)).pixels, values / 255, atol=1e-6)
    rng = np.random.default_rng(0)
    dataset.PixelData = rng.integers(0, 256, (*values.shape, 3)).astype(np.uint8).tobytes()
    assert "in colour" in decode(written(dataset)).facts["warning"]


def test_a_stored_mirror_image_is_turned_back_and_said_so() -> None:
    values = film()
    plain = decode(written(dicom(values, PatientOrientation=["L", "F"])))
    mirrored = decode(written(dicom(values[:, ::-1].copy(), PatientOrientation=["R", "F"])))
    inverted = decode(written(dicom(values[::-1].copy(), PatientOrientation=["L", "H"])))
    assert np.array_equal(plain.pixels, mirrored.pixels) and np.array_equal(plain.pixels, inverted.pixels)
    assert "warning" not in plain.facts and "mirrored" in mirrored.facts["warning"]
    assert "upside down" in inverted.facts["warning"]


def test_facts_are_those_of_the_list() -> None:
    facts = decode(written(dicom(film(), ImagerPixelSpacing=[0.143, 0.143], **FULL))).facts
    assert facts == {
        "modality": "DX", "view": "PA", "body part": "CHEST", "bits": "12", "spacing": "0.143 x 0.143 mm",
        "photometric interpretation": "MONOCHROME2", "transfer syntax": "explicit little endian", "size": "80 x 96",
        "format": "DICOM", "window": "the file's window",
    }  # fmt: skip


_TEXT_TAGS = (
    "ViewPosition", "BodyPartExamined", "Laterality", "ImageLaterality", "PatientSex", "PatientAge", "StudyDescription", "PatientComments", "StationName",
    "ProtocolName", "PresentationLUTShape", "VOILUTFunction", "WindowCenterWidthExplanation", "RescaleType",
)  # fmt: skip


@pytest.mark.parametrize("tag", _TEXT_TAGS)
def test_a_name_typed_into_any_field_does_not_come_out(tag) -> None:
    data = written(dicom(film(), **{tag: NAME}, **FULL))
    assert "DOE" not in str(decode(data).facts).upper()


@pytest.mark.parametrize("tag", ["PhotometricInterpretation"])
def test_a_name_typed_where_it_is_refused_is_not_repeated(tag) -> None:
    with pytest.raises(ImageRefused) as refused:
        decode(written(dicom(film(), **{tag: NAME})))
    assert "DOE" not in str(refused.value).upper()


@pytest.mark.parametrize(("view", "says"), [("LL", "lateral"), ("LATERAL", "lateral")])
def test_a_lateral_view_is_read_with_a_warning(view, says) -> None:
    assert says in decode(written(dicom(film(), ViewPosition=view))).facts["warning"]


def test_another_body_part_is_read_with_a_warning() -> None:
    facts = decode(written(dicom(film(), BodyPartExamined="KNEE"))).facts
    assert "not a chest" in facts["warning"] and facts["body part"] == "KNEE"


@pytest.mark.parametrize(
    ("tags", "says"),
    [
        ({"NumberOfFrames": 2}, "several frames"),
        ({"SamplesPerPixel": 3}, "plain grey"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "plain grey"),
        ({"Rows": 60_000, "Columns": 60_000}, "million pixels"),
        ({"Rows": 7}, "smaller than 8"),
        ({"PixelData": b"\0\0"}, "cut short"),
        ({"PixelData": bytes(96 * 80 * 2)}, "blank"),
        ({"BitsAllocated": 1}, "plain grey"),
    ],
)
def test_refusals_are_one_plain_sentence(tags, says) -> None:
    with pytest.raises(ImageRefused, match=says) as refused:
        decode(written(dicom(film(), **tags)))
    assert str(refused.value).endswith(".") and NAME not in str(refused.value)


@pytest.mark.parametrize(
    "tags",
    [
        {"RescaleSlope": "nan", "RescaleIntercept": "0"},
        {"RescaleSlope": "1", "RescaleIntercept": "inf"},
        {"WindowCenter": "nan", "WindowWidth": "100"},
        {"WindowCenter": "0", "WindowWidth": "inf"},
    ],
)
def test_values_that_are_not_numbers_are_refused(tags) -> None:
    data = written(dicom(film(), **tags))
    with pytest.raises(ImageRefused, match="not finite|no image"):
        decode(data)


def test_deflated_is_refused_before_it_is_inflated(monkeypatch) -> None:
    dataset = dicom(film())
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    data = written(dataset)
    monkeypatch.setattr(part10, "read_dataset", _not_called)
    with pytest.raises(ImageRefused, match="deflated"):
        decode(data)


def test_12_bit_jpeg_extended_is_refused_by_name() -> None:
    dataset = dicom(film())
    dataset.file_meta.TransferSyntaxUID = JPEGExtended12Bit
    dataset.PixelData = encapsulate([encoded(Image.linear_gradient("L"), "JPEG")])
    dataset["PixelData"].VR = "OB"
    with pytest.raises(ImageRefused, match="12-bit JPEG Extended"):
        decode(written(dataset))


def test_an_unknown_compression_is_refused_by_name() -> None:
    dataset = dicom(film())
    data = written(dataset).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.4\0")
    with pytest.raises(ImageRefused, match="compression"):
        decode(data)


@pytest.mark.parametrize("kind", ["explicit", "jpeg", "jpeg2000"])
def test_a_real_film_reads_the_same_through_dicom(original, kind) -> None:
    values = np.asarray(Image.open(original).convert("L"))
    data = {
        "explicit": lambda: written(dicom(values)),
        "jpeg": lambda: as_jpeg_dicom(values),
        "jpeg2000": lambda: compressed(dicom(values), JPEG2000Lossless),
    }[kind]()
    np.testing.assert_allclose(decode(data).pixels, decode(original).pixels, atol=0.08 if kind == "jpeg" else 0)


def _not_called(*_: object, **__: object) -> None:
    raise AssertionError("The file was read.")


@pytest.mark.parametrize(
    ("modality", "says"), [("CT", "a CT image"), ("MR", "an MR image"), (NAME, "another modality")]
)
def test_another_modality_is_read_with_a_warning(modality, says) -> None:
    facts = decode(written(dicom(film(), Modality=modality))).facts
    assert says in facts["warning"] and "DOE" not in str(facts).upper()
