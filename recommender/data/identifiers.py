"""What the ids of people and items and the kinds of interactions look like."""

from __future__ import annotations

CLIENT_ID_PATTERN = r"^(?!\.{1,2}$)[^/\x00-\x20\x7f]([^/\x00-\x1f\x7f]{0,126}[^/\x00-\x20\x7f])?\Z"
"""1 to 128 characters, no slash, no control character, no space at either end; not "." or "..", which an address
swallows."""

CLIENT_ID_MESSAGE = "An id has 1 to 128 characters, without a slash, control characters or spaces at its ends."

KIND_PATTERN = r"^[a-z][a-z0-9_-]{0,31}\Z"

KIND_MESSAGE = "A kind is a word of up to 32 small letters, digits, hyphens and underscores that begins with a letter."
