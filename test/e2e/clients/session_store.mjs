// A session store of web servers, with node-redis. Run by node_apps.py, which puts the ports into the
// environment: PORT (a server) and SMALL_PORT (one that may keep 16 MB, volatile-lru).
//
//   session:<id>   hash: who, what is in the cart, a token against forgery; goes when nobody has been
//                  there for a while. The token is a field that goes earlier than the rest.
//   page:<id>      string: a part of a page, kept as long as somebody looks at it
//   user:<name>    hash without an expiry: what must never be lost
//
// A web server has one connection, and a cache of what it has read in its own memory: the server tells
// it what others have changed.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, beforeEach, describe, test } from "node:test";
import { BasicClientSideCache, createClient } from "redis";

const url = (port) => `redis://127.0.0.1:${port}`;
const LIFE_S = 1800;       // of a session that nobody uses
const TOKEN_LIFE_S = 60;   // of its token

async function connect(port, options = {}) {
  const client = createClient({ url: url(port), RESP: 3, socket: { reconnectStrategy: false },
                                ...options });
  client.on("error", () => {});
  await client.connect();
  return client;
}

async function eventually(condition, what) {
  for (const end = Date.now() + 20000; Date.now() < end;) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.fail(what);
}

// What a web server does with sessions.
class Sessions {
  constructor(client) {
    this.redis = client;
  }

  async create(user, more = {}) {
    const id = randomUUID();
    await this.redis.multi()
      .hSet(`session:${id}`, { user, cart: "0", ...more })
      .expire(`session:${id}`, LIFE_S)
      .exec();
    return id;
  }

  // The session, whose life begins anew; null when there is none (any more).
  async use(id) {
    const [fields] = await this.redis.multi()
      .hGetAll(`session:${id}`)
      .expire(`session:${id}`, LIFE_S)
      .exec();
    return Object.keys(fields).length === 0 ? null : { ...fields };
  }

  // A counter must not bring a session back that has gone meanwhile.
  async addToCart(id, count) {
    const replies = await this.redis.multi()
      .hIncrBy(`session:${id}`, "cart", count)
      .expire(`session:${id}`, LIFE_S, "XX")   // of a session that was not there nothing is renewed…
      .exec();
    if (replies[1] === 1) return replies[0];
    await this.redis.del(`session:${id}`);     // …so this one was made by HINCRBY
    return null;
  }

  // Of all requests with the same token one succeeds.
  async newToken(id) {
    const token = randomUUID();
    await this.redis.hSet(`session:${id}`, "token", token);
    await this.redis.hExpire(`session:${id}`, "token", TOKEN_LIFE_S);
    return token;
  }

  async takeToken(id, token) {
    const [taken] = await this.redis.hGetDel(`session:${id}`, "token");
    return taken === token;
  }

  async end(id) {
    return (await this.redis.del(`session:${id}`)) === 1;
  }
}

describe("sessions", { timeout: 60000 }, () => {
  let client, sessions, fieldsExpire;

  before(async () => {
    client = await connect(process.env.PORT);
    sessions = new Sessions(client);
    const known = await client.sendCommand(["COMMAND", "INFO", "HEXPIRE", "HGETDEL"]);
    fieldsExpire = known.every((row) => row !== null);
  });
  after(() => client.close());
  beforeEach(() => client.flushAll());

  test("from the first request to the last", async () => {
    const id = await sessions.create("ada");
    assert.deepEqual(await sessions.use(id), { user: "ada", cart: "0" });
    assert.equal(await sessions.addToCart(id, 2), 2);
    assert.equal(await sessions.addToCart(id, -1), 1);
    assert.deepEqual(await sessions.use(id), { user: "ada", cart: "1" });
    assert.equal(await sessions.end(id), true);
    assert.equal(await sessions.use(id), null);
    assert.equal(await sessions.addToCart(id, 1), null);
    assert.equal(await client.dbSize(), 0);
  });

  test("every use begins the life of a session anew", async () => {
    const id = await sessions.create("ada");
    await client.expire(`session:${id}`, 5);
    assert.ok(await sessions.use(id));
    assert.ok(await client.ttl(`session:${id}`) > LIFE_S - 10);
    await client.expire(`session:${id}`, 5);
    await sessions.addToCart(id, 1);
    assert.ok(await client.ttl(`session:${id}`) > LIFE_S - 10);
  });

  test("a session that nobody uses goes", async () => {
    const ids = await Promise.all([..."abcdefgh"].map((user) => sessions.create(user)));
    await Promise.all(ids.slice(1).map((id) => client.pExpire(`session:${id}`, 1)));
    await eventually(async () => await client.dbSize() === 1, "sessions that stay");
    assert.ok(await sessions.use(ids[0]));
    assert.equal(await sessions.use(ids[1]), null);
  });

  test("parts of pages stay as long as somebody looks at them", async () => {
    await client.set("page:1", "<p>", { expiration: { type: "EX", value: 5 } });
    assert.equal(await client.getEx("page:1", { type: "EX", value: 300 }), "<p>");
    assert.ok(await client.ttl("page:1") > 290);
    assert.equal(await client.getEx("page:2", { type: "EX", value: 300 }), null);
    await client.getEx("page:1", { type: "PX", value: 1 });
    await eventually(async () => await client.get("page:1") === null, "a page that stays");
  });

  test("a token is good once, and not for long", async (t) => {
    if (!fieldsExpire) return t.skip("no HGETDEL");
    const id = await sessions.create("ada");
    const token = await sessions.newToken(id);
    const left = await client.hTTL(`session:${id}`, "token");
    assert.ok(left[0] > TOKEN_LIFE_S - 5 && left[0] <= TOKEN_LIFE_S);
    const taken = await Promise.all([...Array(50)].map(() => sessions.takeToken(id, token)));
    assert.equal(taken.filter(Boolean).length, 1);
    const late = await sessions.newToken(id);
    await client.hpExpire(`session:${id}`, "token", 1);
    await eventually(async () => !("token" in await sessions.use(id)), "a token that stays");
    assert.equal(await sessions.takeToken(id, late), false);
    assert.deepEqual(await sessions.use(id), { user: "ada", cart: "0" });
  });

  test("carts are right when many requests come at once", async (t) => {
    const id = await sessions.create("ada");
    const others = await Promise.all([...Array(8)].map(() => connect(process.env.PORT)));
    t.after(() => Promise.all(others.map((other) => other.close())));
    await Promise.all(others.map(async (other) => {
      const theirs = new Sessions(other);
      for (let i = 0; i < 100; i++) await theirs.addToCart(id, 1);
    }));
    assert.equal((await sessions.use(id)).cart, "800");
  });
});

describe("when memory is short", { timeout: 60000 }, () => {
  test("sessions go, users stay, and what is left of a session is all of it", async (t) => {
    const client = await connect(process.env.SMALL_PORT);
    t.after(() => client.close());
    const sessions = new Sessions(client);
    const ids = [];
    const evicted = async () => Number(/evicted_keys:(\d+)/.exec(await client.info("stats"))[1]);

    await Promise.all([...Array(500).keys()].map(
      (i) => client.hSet(`user:${i}`, { name: `user ${i}`, about: "x".repeat(200) })));
    while (await evicted() < 500) {
      assert.ok(ids.length < 100000, "nothing is evicted");
      ids.push(...await Promise.all([...Array(500).keys()].map(
        (i) => sessions.create(`user ${i}`, { history: "x".repeat(2000) }))));
    }
    const users = await Promise.all([...Array(500).keys()].map((i) => client.hLen(`user:${i}`)));
    assert.ok(users.every((count) => count === 2));
    const left = (await Promise.all(ids.map((id) => sessions.use(id)))).filter(Boolean);
    assert.ok(left.length > 0 && left.length <= ids.length - 450, `${left.length}`);
    assert.ok(left.every((session) => session.user && session.history));
    // Requests of users whose session is gone make nothing that would stay for ever.
    await Promise.all(ids.slice(0, 2000).map((id) => sessions.addToCart(id, 1)));
    for await (const keys of client.scanIterator({ MATCH: "session:*", COUNT: 1000 }))
      for (const key of keys) assert.ok(await client.ttl(key) !== -1, key);
  });
});

describe("what a web server keeps in its own memory", { timeout: 60000 }, () => {
  let cache, server, other;

  before(async () => {
    cache = new BasicClientSideCache({ ttl: 0, maxEntries: 0, evictPolicy: "LRU" });
    server = await connect(process.env.PORT, { clientSideCache: cache });
    other = await connect(process.env.PORT);
  });
  after(() => Promise.all([server.close(), other.close()]));
  // No FLUSHALL before each: of what was asked before "all keys are old" and is answered behind it,
  // the cache of node-redis 6.3.1 never hears again.

  const hits = () => cache.stats().hitCount;

  test("the second read asks nobody", async () => {
    await other.hSet("session:ada", { user: "ada" });
    assert.equal(await server.hGet("session:ada", "user"), "ada");
    const before = hits();
    assert.equal(await server.hGet("session:ada", "user"), "ada");
    assert.equal(hits(), before + 1);
  });

  test("what another changes, removes or lets expire is not kept", async () => {
    const changes = [
      () => other.set("page:1", "new"),
      () => other.append("page:1", "er"),
      () => other.multi().set("page:1", "a").set("page:2", "b").exec(),
      () => other.rename("page:2", "page:1"),
      () => other.pExpire("page:1", 1),
      () => other.set("page:1", "again"),
      () => other.del("page:1"),
      () => other.mSet(["page:1", "x", "page:3", "y"]),
    ];
    for (const change of changes) {
      await server.get("page:1");
      await server.get("page:1");
      await change();
      const now = await other.get("page:1");
      // Of an expiry the server tells when it is over, not when it is set.
      await eventually(async () => await server.get("page:1") === await other.get("page:1"),
                       `${change}: not ${now}`);
    }
  });

  test("readers of many sessions are never behind for good", async () => {
    const ids = [...Array(20).keys()];
    const last = new Map();
    await Promise.all([
      (async () => {
        for (let i = 0; i < 2000; i++) {
          const id = ids[i * 7 % ids.length];
          await other.hSet(`session:${id}`, "seen", i);
          last.set(id, `${i}`);
        }
      })(),
      (async () => {
        while (last.size < ids.length || last.get(ids[1999 * 7 % 20]) !== "1999")
          await Promise.all([...ids.map((id) => server.hGet(`session:${id}`, "seen")),
                             new Promise(setImmediate)]);   // the cache alone would never wait
      })(),
    ]);
    for (const id of ids)
      await eventually(async () => await server.hGet(`session:${id}`, "seen") === last.get(id),
                       `session ${id} is old`);
  });

  test("after FLUSHALL nothing is kept", async () => {
    await other.set("page:1", "x");
    assert.equal(await server.get("page:1"), "x");
    await other.flushAll();
    await eventually(async () => await server.get("page:1") === null, "page 1 is kept");
  });
});
