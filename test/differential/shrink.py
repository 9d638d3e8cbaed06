"""Makes a failing stream small: fewer steps, fewer requests in a step, fewer words in a request."""

import time


def _without(items, start, count):
    return items[:start] + items[start + count:]


def _drop_chunks(items, fails, deadline):
    """Delta debugging: leave out ever smaller runs of items while it still fails."""
    chunk = max(1, len(items) // 2)
    while time.monotonic() < deadline:
        start, changed = 0, False
        while start < len(items) and time.monotonic() < deadline:
            candidate = _without(items, start, chunk)
            if candidate and fails(candidate):
                items, changed = candidate, True
            else:
                start += chunk
        if chunk == 1 and not changed:
            return items
        chunk = max(1, chunk // 2)
    return items


def _drop_requests(stream, fails, deadline):
    for at, step in enumerate(stream):
        index = 0
        while len(step.requests) > 1 and index < len(step.requests):
            smaller = step._replace(requests=_without(step.requests, index, 1))
            candidate = stream[:at] + [smaller] + stream[at + 1:]
            if time.monotonic() < deadline and fails(candidate):
                stream, step = candidate, smaller
            else:
                index += 1
    return stream


def _drop_words(stream, fails, deadline):
    for at, step in enumerate(stream):
        for index, words in enumerate(step.requests):
            position = len(words) - 1
            while position > 0 and time.monotonic() < deadline:
                shorter = _without(words, position, 1)
                requests = step.requests[:index] + (shorter,) + step.requests[index + 1:]
                smaller = step._replace(requests=requests)
                candidate = stream[:at] + [smaller] + stream[at + 1:]
                if fails(candidate):
                    stream, step, words = candidate, smaller, shorter
                position -= 1
    return stream


def shrink(stream, fails, seconds=20.0, words=True):
    """The smallest stream found in that time for which fails(stream) holds; words: requests may lose
    some of theirs."""
    deadline = time.monotonic() + seconds
    stream = _drop_chunks(list(stream), fails, deadline)
    stream = _drop_requests(stream, fails, deadline)
    stream = _drop_chunks(stream, fails, deadline)
    return _drop_words(stream, fails, deadline) if words else stream
