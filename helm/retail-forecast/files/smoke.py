"""What `helm test` asks: every URL given must answer 200 within the time given. No more than the standard library."""

import sys
import time
import urllib.error
import urllib.request


def wait_for(url: str, deadline: float) -> bool:
    """Whether the URL answers 200 before the deadline; what it said last is printed."""
    said = "nothing"
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  URLs of this chart
                said = f"{answer.status}"
                if answer.status == 200:
                    print(f"ok    {url}")  # noqa: T201
                    return True
        except (urllib.error.URLError, OSError) as error:
            said = str(error)
        time.sleep(1)
    print(f"fail  {url}: {said}")  # noqa: T201
    return False


if __name__ == "__main__":
    seconds, urls = float(sys.argv[1]), sys.argv[2:]
    end = time.monotonic() + seconds
    answers = [wait_for(url, end) for url in urls]  # all of them, so that each is told
    sys.exit(0 if answers and all(answers) else 1)
