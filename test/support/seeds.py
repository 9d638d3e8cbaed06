"""Which seeds a test plays: recorded ones, so that a run says something about the tree and not about
chance, or fresh ones (tools/soak, or by hand).
"""

import os


def fresh():
    """One that nobody has played."""
    return str(int.from_bytes(os.urandom(4), "big"))


def parse(text):
    """The seeds in "1..4,77": ranges and single ones. Texts, as they are printed and given again."""
    seeds = []
    for part in text.split(","):
        first, _, last = part.partition("..")
        seeds += [str(seed) for seed in range(int(first), int(last or first) + 1)]
    return seeds


def add_options(parser, what):
    """--seeds, --first, --streams and --seconds; what a seed gives a series of is said in the help."""
    parser.add_argument("--seeds", type=parse, default=None, metavar="A..B,C",
                        help="default: a fresh one")
    parser.add_argument("--first", type=int, default=None,
                        help=f"number of each seed's first {what}; none that is written down is played")
    parser.add_argument("--streams", type=int, default=None, help=f"{what}s of each seed")
    parser.add_argument("--seconds", type=float, default=None,
                        help="stop after this time (default: one minute, without --streams)")


def settle(settings):
    """What was not said."""
    settings.seeds = settings.seeds or [fresh()]
    settings.written = settings.first is None
    settings.first = settings.first or 0
    if settings.streams is None and settings.seconds is None:
        settings.seconds = 60.0


def series(settings, is_over):
    """Seed and number of each stream to play, until is_over()."""
    for seed in settings.seeds:
        index = settings.first
        while not is_over() and (settings.streams is None
                                 or index < settings.first + settings.streams):
            yield seed, index
            index += 1
