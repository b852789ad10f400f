"""All pages of an answer, as an agent turns them: by what each says of the next."""

import re


def every_page(ask, name, part, /, **arguments):
    """What `part` takes of each answer, joined."""
    found, offset = [], 0
    while True:
        answer = ask(name, **arguments, offset=offset)
        found += part(answer)
        following = [re.search(r"offset=(\d+)", sentence) for sentence in answer.get("rest", [])]
        places = [int(each[1]) for each in following if each]
        if not places:
            return found
        assert places[0] > offset
        offset = places[0]
