# Copyright 2026 The emiff_ros authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Named errors of the feature link: one class for each cause, so that each can be counted."""


class TransportError(ValueError):
    """A feature tensor or message that cannot be sent or must not be used.

    Attributes:
        cause: short snake_case name, stable, under which the refusal is counted.
    """

    cause = 'transport'


class UnsupportedVersionError(TransportError):
    """The payload was written by another version of the wire format."""

    cause = 'unsupported_version'


class UnsupportedQuantizationError(TransportError):
    """The number format of the tensor is not known."""

    cause = 'unsupported_quantization'


class UnsupportedCoderError(TransportError):
    """The entropy coder is not known."""

    cause = 'unsupported_coder'


class ShapeError(TransportError):
    """The tensor is not a [channels, height, width] array of the expected size."""

    cause = 'bad_shape'


class TooLargeError(TransportError):
    """The tensor or the payload exceeds the largest size that is accepted."""

    cause = 'too_large'


class BudgetError(TransportError):
    """The byte budget is too small for any message."""

    cause = 'budget'


class ChunkError(TransportError):
    """A piece that does not belong to any message of its description."""

    cause = 'bad_chunk'


class DecodedSizeError(TransportError):
    """The declared decoded size contradicts the shape, the number format or the payload."""

    cause = 'decoded_size'


class ChecksumError(TransportError):
    """The CRC-32 of the payload differs from the declared one."""

    cause = 'checksum'


class CorruptPayloadError(TransportError):
    """The entropy decoder rejects the payload."""

    cause = 'corrupt_payload'


class NonFiniteError(TransportError):
    """A value of the tensor is NaN or infinite."""

    cause = 'non_finite'


class ScaleError(TransportError):
    """Scale or zero point have the wrong length, or a number in them cannot be used."""

    cause = 'bad_scale'


class ValueRangeError(TransportError):
    """A value is too large for the chosen number format."""

    cause = 'value_range'


class ModelMismatchError(TransportError):
    """The feature was computed by another model than the one that would read it."""

    cause = 'wrong_model'


class ZeroStampError(TransportError):
    """The capture time is zero or negative."""

    cause = 'zero_stamp'


class IdentityError(TransportError):
    """Station, session, sequence, frame or fingerprint is missing, too long or out of range."""

    cause = 'bad_identity'


class ImageSizeError(TransportError):
    """The image is not of the network's size, or the padded size does not follow from it."""

    cause = 'bad_image_size'


class CalibrationError(TransportError):
    """Intrinsics or extrinsics are not finite or not those of a real camera."""

    cause = 'implausible_calibration'


class DetectionError(TransportError):
    """A detection is not an upright box with a label and a score."""

    cause = 'bad_detection'
