#!/usr/bin/python3
"""A leaderboard on sorted sets, with redis-py: best scores, points of each day, of the week, who is
around me. Compared with a model in Python after many random games, and hammered by several players
at once.

    leaderboard.py --server build/release/gofish --cores 2

    board:best          best score of each player, ever
    board:day:<day>     points that players made on a day; goes by itself
    board:week:<day>    of the seven days up to it; made when asked for, and kept for a moment

Ranks begin at 0, the highest score first. Players with equal scores stand in the reverse order of
their names, in every answer: so ZREVRANK and ZRANGE REV agree.
"""

import os
import random
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import redis                                                    # noqa: E402

from support.fixture import ServerCase, eventually, run         # noqa: E402

BEST = "board:best"
DAY_S = 24 * 3600
DAYS_KEPT = 9
WEEK_KEPT_MS = 1000


def day_board(day):
    return f"board:day:{day}"


class Leaderboard:
    """What a game would use."""

    def __init__(self, client):
        self.redis = client

    def game_over(self, player, score, day):
        """One game: returns whether it was the player's best, and his points of the day."""
        with self.redis.pipeline() as transaction:
            transaction.zadd(BEST, {player: score}, gt=True, ch=True)
            transaction.zadd(day_board(day), {player: score}, incr=True)
            transaction.expireat(day_board(day), self.day_ends(day))
            improved, points, _ = transaction.execute()
        return improved == 1, points

    @staticmethod
    def day_ends(day):
        return (day + DAYS_KEPT) * DAY_S

    def top(self, count, board=BEST):
        return self.redis.zrange(board, 0, count - 1, desc=True, withscores=True)

    def rank(self, player, board=BEST):
        return self.redis.zrevrank(board, player)

    def around(self, player, distance, board=BEST):
        """The player, and up to so many before and behind him."""
        rank = self.rank(player, board)
        if rank is None:
            return []
        return self.redis.zrange(board, max(rank - distance, 0), rank + distance, desc=True,
                                 withscores=True)

    def better_than(self, score):
        """How many players have more than that: the rank a score would get."""
        return self.redis.zcount(BEST, f"({score}", "+inf")

    def between(self, low, high, offset, count):
        """A page of those with scores in a range."""
        return self.redis.zrange(BEST, high, low, desc=True, byscore=True, offset=offset, num=count,
                                 withscores=True)

    def week(self, day):
        """The name of the board of seven days; it is right for the moment at which it is made."""
        name = f"board:week:{day}"
        with self.redis.pipeline() as transaction:
            transaction.zunionstore(name, [day_board(day - back) for back in range(7)],
                                    aggregate="SUM")
            transaction.pexpire(name, WEEK_KEPT_MS)
            transaction.execute()
        return name

    def keep(self, count):
        """Only so many of the best stay; returns how many went."""
        return self.redis.zremrangebyrank(BEST, 0, -count - 1)


class Model:
    """The same, as slow and as simple as can be."""

    def __init__(self):
        self.best = {}
        self.days = {}

    def game_over(self, player, score, day):
        improved = player not in self.best or score > self.best[player]
        self.best[player] = max(score, self.best.get(player, score))
        points = self.days.setdefault(day, {})
        points[player] = points.get(player, 0) + score
        return improved, points[player]

    @staticmethod
    def ranked(board):
        """The highest first; equal ones in the reverse order of names."""
        pairs = sorted(board.items(), key=lambda pair: pair[0], reverse=True)
        return sorted(pairs, key=lambda pair: -pair[1])

    def week(self, day):
        sums = {}
        for back in range(7):
            for player, points in self.days.get(day - back, {}).items():
                sums[player] = sums.get(player, 0) + points
        return sums


class LeaderboardCase(ServerCase):
    def setUp(self):
        super().setUp()
        self.redis = redis.Redis(port=self.server.port, decode_responses=True)
        self.addCleanup(self.redis.close)
        self.board = Leaderboard(self.redis)
        self.today = int(time.time()) // DAY_S


class Games(LeaderboardCase):
    """Everything that can be asked, after every hundred of many random games."""

    def setUp(self):
        super().setUp()
        self.model = Model()
        self.chance = random.Random(7)
        self.players = [f"player:{number}" for number in range(400)]

    def play(self, games):
        for _ in range(games):
            player = self.chance.choice(self.players)
            score = self.chance.randrange(1, 300) * 10 + self.chance.choice([0, 0, 0.5])
            day = self.today - self.chance.randrange(8)
            self.assertEqual(self.board.game_over(player, score, day),
                             self.model.game_over(player, score, day))

    def compare(self):
        best = Model.ranked(self.model.best)
        self.assertEqual(self.board.top(20), best[:20])
        for rank in self.chance.sample(range(len(best)), 10):
            player, score = best[rank]
            self.assertEqual(self.board.rank(player), rank)
            self.assertEqual(self.board.around(player, 3), best[max(rank - 3, 0):rank + 4])
            self.assertEqual(self.board.better_than(score), sum(s > score for _, s in best))
        self.assertEqual(self.board.between(1000, 2000, 5, 10),
                         [pair for pair in best if 1000 <= pair[1] <= 2000][5:15])
        week = Model.ranked(self.model.week(self.today))
        name = self.board.week(self.today)
        self.assertEqual(self.board.top(1000, name), week)

    def test_boards_are_as_the_model_says(self):
        for _ in range(15):
            self.play(100)
            self.compare()
        best = Model.ranked(self.model.best)
        self.assertEqual(self.board.keep(50), len(best) - 50)
        self.assertEqual(self.board.top(1000), best[:50])

    def test_who_never_played_is_nowhere(self):
        self.assertIsNone(self.board.rank("nobody"))
        self.assertEqual(self.board.around("nobody", 3), [])
        self.assertEqual(self.board.top(10), [])
        self.assertEqual(self.redis.exists(self.board.week(self.today)), 0)


class Days(LeaderboardCase):
    def test_days_go_by_themselves(self):
        self.board.game_over("ada", 10, self.today)
        self.assertEqual(self.redis.expiretime(day_board(self.today)), (self.today + DAYS_KEPT) * DAY_S)
        self.board.game_over("ada", 10, self.today - DAYS_KEPT)     # it is over already
        self.assertEqual(self.redis.exists(day_board(self.today - DAYS_KEPT)), 0)
        self.assertEqual(self.board.top(1, self.board.week(self.today)), [("ada", 10)])

    def test_the_board_of_the_week_is_kept_for_a_moment(self):
        self.board.game_over("ada", 10, self.today)
        name = self.board.week(self.today)
        self.assertTrue(0 < self.redis.pttl(name) <= WEEK_KEPT_MS)
        self.assertTrue(eventually(lambda: not self.redis.exists(name), 10))


class AtOnce(LeaderboardCase):
    """Many players at once, each with a connection of his own."""

    def at_once(self, count, what):
        failed = []

        def guarded(number):
            client = redis.Redis(port=self.server.port, decode_responses=True)
            try:
                what(Leaderboard(client), random.Random(number))
            except Exception as error:      # pylint: disable=broad-except
                failed.append(error)
            finally:
                client.close()

        threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        return threads, failed

    def join(self, threads, failed):
        for thread in threads:
            thread.join()
        self.assertEqual(failed, [])

    def test_no_game_is_lost(self):
        def play(board, chance):
            for _ in range(250):
                board.game_over(f"player:{chance.randrange(30)}", chance.randrange(1000),
                                self.today)

        self.join(*self.at_once(6, play))
        model = Model()
        for number in range(6):
            chance = random.Random(number)
            for _ in range(250):
                model.game_over(f"player:{chance.randrange(30)}", chance.randrange(1000),
                                self.today)
        self.assertEqual(self.board.top(1000), Model.ranked(model.best))
        self.assertEqual(self.board.top(1000, day_board(self.today)),
                         Model.ranked(model.days[self.today]))

    def test_points_that_move_between_days_are_counted_once(self):
        """Boards of different days are on different cores; a week adds up at any moment."""
        done = threading.Event()
        for back in range(7):
            self.redis.zadd(day_board(self.today - back), {"ada": 1000, "bob": 1000})

        def move(board, chance):
            while not done.is_set():
                days = [day_board(self.today - chance.randrange(7)) for _ in range(2)]
                points = chance.randrange(1, 100)
                with board.redis.pipeline() as transaction:
                    transaction.zincrby(days[0], -points, "ada")
                    transaction.zincrby(days[1], points, "ada")
                    transaction.execute()

        running = self.at_once(3, move)
        try:
            for _ in range(300):
                name = self.board.week(self.today)
                self.assertEqual(self.board.top(2, name), [("bob", 7000), ("ada", 7000)])
        finally:
            done.set()
        self.join(*running)


if __name__ == "__main__":
    run()
