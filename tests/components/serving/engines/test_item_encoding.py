"""History items wait for their vectors, but not too many of them."""

import asyncio
from threading import Event

import numpy as np
import pytest

from components.serving.engines.engine import EngineBusyError
from components.serving.engines.item_encoding import ItemEncoding


def test_who_brings_too_many_is_told_to_come_again():
    may_go = Event()

    def encode(texts):
        may_go.wait(10)
        return np.array([[len(text)] for text in texts], dtype=np.float16)

    async def main():
        encoding = ItemEncoding(encode, max_waiting=3)
        first = asyncio.create_task(encoding.encode(["a", "ab", "abc", "abcd"]))  # nobody waits
        await asyncio.sleep(0)
        with pytest.raises(EngineBusyError) as caught:
            await encoding.encode(["a"])
        assert caught.value.retry_after_s == 1
        may_go.set()
        assert (await first).tolist() == [[1], [2], [3], [4]]
        more = [asyncio.create_task(encoding.encode(["a" * n])) for n in (1, 2, 3)]
        assert [made.tolist() for made in await asyncio.gather(*more)] == [[[1]], [[2]], [[3]]]
        encoding.close()

    asyncio.run(main())
