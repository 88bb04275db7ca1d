import asyncio


class Error(Exception):
    pass


class TimeoutError(asyncio.TimeoutError):  # the real one is no Error either
    pass


class NoRespondersError(Error):
    pass
