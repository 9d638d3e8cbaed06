// ioredis, RESP2 and RESP3, and its cluster client against one node. Run by node_clients.py, which
// puts the ports into the environment: PORT (a server) and CLUSTER_PORT (one that cluster clients
// may use).

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { Cluster, Redis } from "ioredis";

const PORT = Number(process.env.PORT);
const CLUSTER_PORT = Number(process.env.CLUSTER_PORT);

for (const protocol of [2, 3]) {
  describe(`ioredis, RESP${protocol}`, { timeout: 60000 }, () => {
    let redis;

    before(async () => {
      redis = new Redis(PORT, "127.0.0.1", { protocol, connectionName: "e2e", lazyConnect: true,
                                             maxRetriesPerRequest: 1 });
      await redis.connect();
    });
    after(() => redis.quit());
    beforeEach(() => redis.flushall());

    test("the handshake leaves name, library and protocol behind", async () => {
      assert.equal(redis.status, "ready");
      const info = await redis.client("INFO");
      assert.match(info, /name=e2e /);
      assert.match(info, new RegExp(`resp=${protocol}`));
    });

    test("set, get and what is not there", async () => {
      assert.equal(await redis.set("k", "v"), "OK");
      assert.equal(await redis.get("k"), "v");
      assert.equal(await redis.get("none"), null);
      assert.equal(await redis.set("k", "w", "EX", 100, "NX"), null);
      assert.equal(await redis.set("k", "w", "EX", 100, "GET"), "v");
      assert.deepEqual(await redis.getBuffer("k"), Buffer.from("w"));
      const ttl = await redis.ttl("k");
      assert.ok(ttl > 95 && ttl <= 100, `${ttl}`);
    });

    test("many keys at once", async () => {
      await redis.mset(Object.fromEntries([...Array(500).keys()].map((i) => [`k${i}`, `${i}`])));
      assert.deepEqual(await redis.mget("k0", "none", "k499"), ["0", null, "499"]);
      assert.equal(await redis.del("k0", "k1", "none"), 2);
      assert.equal(await redis.exists("k2", "k3"), 2);
      assert.equal(await redis.dbsize(), 498);
    });

    test("expiry", async () => {
      await redis.set("k", "v", "PX", 30);
      await new Promise((resolve) => setTimeout(resolve, 60));
      assert.equal(await redis.get("k"), null);
      assert.equal(await redis.ttl("k"), -2);
      await redis.set("k", "v");
      assert.equal(await redis.expire("k", 1000, "GT"), 0);
      assert.equal(await redis.expire("k", 1000), 1);
      assert.equal(await redis.persist("k"), 1);
    });

    test("scan stream", async () => {
      await redis.mset([...Array(2000).keys()].flatMap((i) => [`scan:${i}`, "x"]));
      const found = new Set();
      for await (const keys of redis.scanStream({ match: "scan:*", count: 100 }))
        for (const key of keys) found.add(key);
      assert.equal(found.size, 2000);
    });

    test("pipeline, with an error in the middle", async () => {
      const pipeline = redis.pipeline();
      for (let i = 0; i < 5000; i++) pipeline.set(`p${i}`, i);
      pipeline.incr("p7").set("text", "abc").incr("text").get("p4999");
      const replies = await pipeline.exec();
      assert.equal(replies.length, 5004);
      assert.deepEqual(replies[5000], [null, 8]);
      assert.equal(replies[5002][0].message, "ERR value is not an integer or out of range");
      assert.deepEqual(replies[5003], [null, "4999"]);
    });

    test("commands at once without a pipeline keep their order", async () => {
      const replies = await Promise.all([...Array(1000)].map(() => redis.incr("n")));
      assert.deepEqual(replies, [...Array(1000).keys()].map((i) => i + 1));
    });

    test("errors are errors", async () => {
      await assert.rejects(redis.call("NOSUCH", "a"), { message: /^ERR unknown command 'NOSUCH'/ });
      await assert.rejects(redis.call("GET"),
                           { message: "ERR wrong number of arguments for 'get' command" });
      await assert.rejects(redis.rename("none", "x"), { message: "ERR no such key" });
    });

    test("info, config, client list", async () => {
      const info = await redis.info();
      assert.match(info, /redis_version:\d+\.\d+\.\d+\r\n/);
      assert.match(info, /loading:0\r\n/);
      assert.deepEqual(await redis.config("GET", "maxmemory-policy"),
                       ["maxmemory-policy", "noeviction"]);
      assert.match(await redis.client("LIST"), /^id=\d+ addr=127\.0\.0\.1:\d+ /);
    });

    test("a large binary value", async () => {
      const value = Buffer.alloc(5 << 20, "\r\n\0x");
      await redis.set("big", value);
      assert.ok(value.equals(await redis.getBuffer("big")));
    });

    test("another database, and a second connection", async () => {
      const other = new Redis(PORT, "127.0.0.1", { protocol, db: 5 });
      await other.set("k", "five");
      assert.equal(await redis.get("k"), null);
      assert.equal(await other.get("k"), "five");
      await other.quit();
    });

    test("monitor", async () => {
      const monitor = await redis.monitor();
      const seen = new Promise((resolve) => monitor.on("monitor", (time, args) => {
        if (args[1] === "watched") resolve(args);
      }));
      await redis.set("watched", "1");
      assert.deepEqual((await seen).slice(1), ["watched", "1"]);
      monitor.disconnect();
    });

    // The connection that is told speaks RESP2: ioredis keeps RESP3's pushes to itself.
    test("client-side caching, told over a second connection", async (t) => {
      const told = new Redis(PORT, "127.0.0.1", { protocol: 2 });
      const writer = new Redis(PORT, "127.0.0.1", { protocol });
      const cache = new Map();   // promises: an answer on its way can be forgotten before it is there
      let asked = 0;
      t.after(() => Promise.all([redis.client("TRACKING", "OFF"), told.quit(), writer.quit()]));
      const get = (key) => {
        if (!cache.has(key)) {
          cache.set(key, redis.get(key));
          asked++;
        }
        return cache.get(key);
      };
      const becomes = async (key, value) => {
        for (const end = Date.now() + 20000; await get(key) !== value;) {
          assert.ok(Date.now() < end, `${key} stays ${await get(key)}, not ${value}`);
          await new Promise(setImmediate);
        }
      };

      const id = await told.client("ID");
      told.on("messageBuffer", (channel, keys) => {
        assert.equal(channel.toString(), "__redis__:invalidate");
        if (keys === null) cache.clear();
        else for (const key of keys) cache.delete(key.toString());
      });
      await told.subscribe("__redis__:invalidate");
      assert.equal(await redis.client("TRACKING", "ON", "REDIRECT", id), "OK");
      assert.equal(await redis.client("GETREDIR"), id);

      await writer.set("k0", "a");
      assert.equal(await get("k0"), "a");
      assert.equal(await get("k0"), "a");
      assert.equal(asked, 1);
      await writer.set("k0", "b");
      await becomes("k0", "b");
      await writer.pexpire("k0", 1);
      await becomes("k0", null);
      await writer.set("k0", "c");
      await becomes("k0", "c");
      await writer.flushall();
      await becomes("k0", null);

      const last = {};
      for (let round = 0; round < 50; round++) {
        const writes = [...Array(20).keys()].map((i) => [`k${(round * 7 + i * 3) % 40}`, `${round}`]);
        for (const [key, value] of writes) last[key] = value;
        await Promise.all([writer.mset(Object.fromEntries(writes)),
                           ...Object.keys(last).map((key) => get(key))]);
      }
      for (const [key, value] of Object.entries(last)) await becomes(key, value);
      const before = asked;
      await Promise.all(Object.keys(last).map((key) => get(key)));
      assert.equal(asked, before);
    });

    test("cluster client against one node", async () => {
      const cluster = new Cluster([{ host: "127.0.0.1", port: CLUSTER_PORT }],
                                  { redisOptions: { protocol } });
      await cluster.flushall();
      const writes = [...Array(500).keys()].map((i) => cluster.set(`c${i}`, `${i}`));
      assert.ok((await Promise.all(writes)).every((reply) => reply === "OK"));
      const reads = await Promise.all([...Array(500).keys()].map((i) => cluster.get(`c${i}`)));
      assert.deepEqual(reads, [...Array(500).keys()].map(String));
      const pipeline = cluster.pipeline().set("{tag}1", "a").set("{tag}2", "b");
      pipeline.mget("{tag}1", "{tag}2");
      assert.deepEqual((await pipeline.exec()).at(-1), [null, ["a", "b"]]);
      const sizes = await Promise.all(cluster.nodes("master").map((node) => node.dbsize()));
      assert.equal(sizes.reduce((sum, size) => sum + size, 0), 502);
      const found = [];
      for (const node of cluster.nodes("master"))
        for await (const keys of node.scanStream({ match: "c*", count: 50 })) found.push(...keys);
      assert.deepEqual(found.sort(), [...Array(500).keys()].map((i) => `c${i}`).sort());
      await Promise.all(cluster.nodes("master").map((node) => node.flushall()));
      assert.equal(await cluster.get("c1"), null);
      await cluster.quit();
    });
  });
}
