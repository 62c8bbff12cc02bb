"""On a lab host: containers start, by the stand-in's word, one after the other; how long until each has its route."""

import json
import sys
import time

from tests.bench.docker_api import Api
from tests.bench.race import Observer, rest, wait


def main() -> None:
    """Answer the question in the first argument with the milliseconds that each start took."""
    question = json.loads(sys.argv[1])
    api = Api(question["socket"])
    observer = Observer(api, "mv-wide")
    took = []
    for address in question["addresses"]:
        rest(question["pid"])
        began = time.monotonic()
        Api(question["socket"]).do("POST", "/start")
        (routed,) = wait(lambda address=address: observer.routed(address))  # type: ignore[misc]
        took.append((routed - began) * 1000)
    print(json.dumps(took))


if __name__ == "__main__":
    main()
