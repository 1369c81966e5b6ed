"""The one way in which these tests wait: ask again until a condition holds, or a deadline has passed."""
import time


def eventually(check, *, within=30.0, every=0.02, what=None):
    """Calls check() until it returns something true, and returns that.

    An AssertionError or a transport error counts as "not yet"; after `within` seconds the last one is raised, or an
    AssertionError that says `what` was waited for and what check() returned last."""
    import httpx

    deadline = time.monotonic() + within
    while True:
        failure, value = None, None
        try:
            value = check()
            if value:
                return value
        except (AssertionError, httpx.TransportError) as error:
            failure = error
        if time.monotonic() >= deadline:
            if failure is not None:
                raise failure
            raise AssertionError(f"not within {within} s: {what or check.__name__} (last: {value!r})")
        time.sleep(every)
