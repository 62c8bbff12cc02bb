"""What is remembered from one call of `wanted` to the next, for the networks that both know."""

from macvland.memo import Memo

REMEMBERED = Memo()
