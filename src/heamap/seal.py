"""The checksum inside an exported ONNX file: any flipped bit shows on loading."""

import hashlib
import re

SEAL_KEY = "heamap.seal"
"""Metadata key of the file's checksum."""

_SEAL_START = "heamap-sha256:"


def seal_value(digest: str) -> str:
    """How a SHA-256 stands in the metadata: by its length and its start it is found in the bytes of the file."""
    return f"{_SEAL_START}{digest}"


SEAL_BLANK = seal_value("0" * 64)
_SEAL = re.compile(re.escape(SEAL_KEY + "\x12\x4e" + _SEAL_START).encode() + rb"([0-9a-f]{64})")
"""Key and value as protocol buffers keep them: between them the tag and the length, 78, of the value."""


def seal_fault(content: bytes) -> str:
    """What is wrong with the bytes of an ONNX file by the checksum in it; empty where nothing is, or none is there.

    Files exported before there were checksums carry none.
    """
    found = list(_SEAL.finditer(content))
    if not found and SEAL_KEY.encode() not in content and _SEAL_START.encode() not in content:
        return ""
    broken = "its bytes are not those that were exported (checksum); copy or export it again"
    if not found:
        return broken
    start, stop = found[-1].span(1)
    # Piece by piece: a copy with blank digits would hold the model in memory twice.
    digest = hashlib.sha256(memoryview(content)[:start])
    digest.update(b"0" * (stop - start))
    digest.update(memoryview(content)[stop:])
    return "" if digest.hexdigest().encode() == found[-1].group(1) else broken
