"""Which files of a mail become links, so that its mailbox takes it."""

ENCODED = 8 / 6  # what base64 makes of a file in a mail
REST_OF_MAIL = 30 * 1024  # headers and body, generously


def estimate(sizes):
    """Return the size of a mail with files of these sizes, in bytes."""
    return int(REST_OF_MAIL + sum(size * ENCODED for size in sizes))


def choose_links(sizes, excess):
    """Choose the fewest files to leave out: the largest ones.

    :param dict sizes: bytes by file; only files that can be linked
    :param int excess: bytes that have to go at least, as they are in a mail
    :return: list of files, the largest first; all if even that is not enough
    """
    chosen = []
    for file in sorted(sizes, key=sizes.get, reverse=True):
        if excess <= 0:
            break
        chosen.append(file)
        excess -= sizes[file] * ENCODED
    return chosen
