// Three rate limiters without scripts, with ioredis, hammered from many connections: never more than
// the limit. Run by node_apps.py, which puts the server's port into the environment.
//
//   fixed window     counter per caller and window: INCR and EXPIRE NX in a transaction
//   sliding window   sorted set per caller: one member for each call, by its time
//   token bucket     hash per caller: tokens, and when there were so many; WATCH, then a transaction
//
// Each is given the time by its caller. A clock that stands still makes exact counts of what would
// otherwise depend on how fast the machine is; the last test uses a real one.

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { Redis } from "ioredis";

const PORT = Number(process.env.PORT);
const CONNECTIONS = 32;

// At most `limit` calls in each window of `windowMs`, counted from the beginning of time: in the worst
// case twice as many in a row, around the end of a window.
class FixedWindow {
  constructor(limit, windowMs) {
    this.limit = limit;
    this.windowMs = windowMs;
  }

  async allows(redis, caller, nowMs) {
    const key = `fixed:${caller}:${Math.floor(nowMs / this.windowMs)}`;
    const [[, count]] = await redis.multi()
      .incr(key)
      .pexpire(key, 2 * this.windowMs, "NX")
      .exec();
    return count <= this.limit;
  }
}

// At most `limit` calls in any `windowMs`. Clocks of callers, and the order in which their calls come
// to the server, may differ by `slackMs`: calls are kept longer by that, and those from the "future"
// count as well. Whoever is refused takes his call back.
class SlidingWindow {
  constructor(limit, windowMs, slackMs) {
    this.limit = limit;
    this.windowMs = windowMs;
    this.slackMs = slackMs;
    this.calls = 0;
  }

  async allows(redis, caller, nowMs) {
    const key = `sliding:${caller}`;
    const call = `${nowMs}:${this.calls++}`;
    const [, [, count]] = await redis.multi()
      .zremrangebyscore(key, "-inf", nowMs - this.windowMs - this.slackMs)
      .zcount(key, `(${nowMs - this.windowMs}`, "+inf")
      .zadd(key, nowMs, call)
      .pexpire(key, this.windowMs + this.slackMs)
      .exec();
    if (count < this.limit) return true;
    await redis.zrem(key, call);
    return false;
  }
}

// `perSecond` calls on the average, and up to `size` at once. WATCH is a connection's, not a call's: a
// connection makes one call after the other.
class TokenBucket {
  constructor(size, perSecond) {
    this.size = size;
    this.perSecond = perSecond;
    this.conflicts = 0;
  }

  async allows(redis, caller, nowMs) {
    const key = `bucket:${caller}`;
    for (;;) {
      await redis.watch(key);
      const [had, since] = await redis.hmget(key, "tokens", "since");
      const [then, before] = had === null ? [nowMs, this.size] : [Number(since), Number(had)];
      const now = Math.max(nowMs, then);
      const tokens = Math.min(this.size, before + (now - then) * this.perSecond / 1000);
      if (tokens < 1) {
        await redis.unwatch();
        return false;
      }
      const done = await redis.multi()
        .hset(key, "tokens", tokens - 1, "since", now)
        .pexpire(key, Math.ceil(this.size / this.perSecond * 1000))
        .exec();
      if (done !== null) return true;
      this.conflicts++;   // somebody else took a token meanwhile: look again
    }
  }
}

describe("rate limiters", { timeout: 90000 }, () => {
  let connections;

  before(async () => {
    connections = [...Array(CONNECTIONS)].map(
      () => new Redis(PORT, "127.0.0.1", { lazyConnect: true, maxRetriesPerRequest: 1 }));
    await Promise.all(connections.map((redis) => redis.connect()));
  });
  after(() => Promise.all(connections.map((redis) => redis.quit())));
  beforeEach(() => connections[0].flushall());

  // Every connection calls so many times, one call after the other. Returns how many were allowed.
  async function hammer(limiter, caller, nowMs, times) {
    let allowed = 0;
    await Promise.all(connections.map(async (redis) => {
      for (let i = 0; i < times; i++)
        if (await limiter.allows(redis, caller, nowMs)) allowed++;
    }));
    return allowed;
  }

  test("fixed window: exactly the limit in each", async () => {
    const limiter = new FixedWindow(100, 100000);
    for (const now of [500000, 599999, 600000, 650000, 999999]) {
      const counts = await Promise.all(["ada", "bob", "eve"].map((c) => hammer(limiter, c, now, 10)));
      const expected = now === 599999 || now === 650000 ? 0 : 100;
      assert.deepEqual(counts, [expected, expected, expected], `at ${now}`);
    }
  });

  test("fixed window: counters go, and no call makes one stay", async () => {
    await hammer(new FixedWindow(10, 50), "ada", 0, 5);
    assert.ok(await connections[0].pttl("fixed:ada:0") <= 100);
    while (await connections[0].dbsize() > 0) continue;
  });

  test("sliding window: exactly the limit, and room as old calls get too old", async () => {
    const limiter = new SlidingWindow(50, 60000, 30000);
    assert.equal(await hammer(limiter, "ada", 100000, 10), 50);
    assert.equal(await hammer(limiter, "ada", 159999, 4), 0);
    assert.equal(await hammer(limiter, "ada", 160000, 10), 50);
    assert.equal(await hammer(limiter, "bob", 160000, 1), CONNECTIONS);
    assert.equal(await connections[0].zcard("sliding:ada"), 100);   // the first are in the slack
    assert.equal(await hammer(limiter, "ada", 220000, 10), 50);
    assert.equal(await connections[0].zcount("sliding:ada", 100000, 100000), 0);
  });

  test("token bucket: never more tokens than flowed into it", async () => {
    const limiter = new TokenBucket(40, 0.1);
    assert.equal(await hammer(limiter, "ada", 100000, 3), 40);
    assert.equal(await hammer(limiter, "ada", 105000, 2), 0);     // half a token
    assert.equal(await hammer(limiter, "ada", 200000, 3), 10);
    assert.equal(await hammer(limiter, "ada", 150000, 2), 0);     // a clock that is behind
    assert.equal(await hammer(limiter, "ada", 350000, 3), 15);
    assert.equal(await hammer(limiter, "ada", 9900000, 3), 40);   // full, and no fuller
    assert.ok(limiter.conflicts > 0);
  });

  test("sliding window: a real clock, and callers that do not wait for each other", async () => {
    const limiter = new SlidingWindow(30, 100, 5000);
    const start = performance.now();
    const clock = () => Math.floor(performance.now() - start);
    const allowed = [];
    await Promise.all(connections.map(async (redis) => {
      while (clock() < 1000) {
        const now = clock();
        if (await limiter.allows(redis, "ada", now)) allowed.push(now);
      }
    }));
    allowed.sort((a, b) => a - b);
    for (let i = limiter.limit; i < allowed.length; i++)
      assert.ok(allowed[i] - allowed[i - limiter.limit] >= limiter.windowMs,
                `${allowed.slice(i - limiter.limit, i + 1)}`);
    assert.ok(allowed.length >= limiter.limit);
  });
});
