// node-redis, RESP2 and RESP3, and its cluster client against one node. Run by node_clients.py,
// which puts the ports into the environment: PORT (a server) and CLUSTER_PORT (one for cluster
// clients).

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { createClient, createCluster } from "redis";

const PORT = Number(process.env.PORT);
const CLUSTER_PORT = Number(process.env.CLUSTER_PORT);

for (const RESP of [2, 3]) {
  describe(`node-redis, RESP${RESP}`, { timeout: 60000 }, () => {
    let client;
    const url = (port) => `redis://127.0.0.1:${port}`;

    before(async () => {
      client = createClient({ url: url(PORT), RESP, name: "e2e",
                              socket: { reconnectStrategy: false } });
      client.on("error", () => {});
      await client.connect();
    });
    after(() => client.close());
    beforeEach(() => client.flushAll());

    test("the handshake leaves name and protocol behind", async () => {
      assert.ok(client.isReady);
      assert.equal(await client.clientGetName(), "e2e");
      const info = await client.clientInfo();
      assert.equal(info.name, "e2e");
      assert.equal(info.resp, RESP);
    });

    test("set, get and what is not there", async () => {
      assert.equal(await client.set("k", "v"), "OK");
      assert.equal(await client.get("k"), "v");
      assert.equal(await client.get("none"), null);
      assert.equal(await client.set("k", "w", { condition: "NX" }), null);
      assert.equal(await client.set("k", "w", { GET: true }), "v");
      assert.equal(await client.getDel("k"), "w");
    });

    test("many keys at once", async () => {
      await client.mSet(Object.fromEntries([...Array(500).keys()].map((i) => [`k${i}`, `${i}`])));
      assert.deepEqual(await client.mGet(["k0", "none", "k499"]), ["0", null, "499"]);
      assert.equal(await client.del(["k0", "k1", "none"]), 2);
      assert.equal(await client.dbSize(), 498);
    });

    test("expiry", async () => {
      await client.set("k", "v", { expiration: { type: "PX", value: 30 } });
      await new Promise((resolve) => setTimeout(resolve, 60));
      assert.equal(await client.get("k"), null);
      await client.set("k", "v");
      assert.equal(await client.expire("k", 1000), 1);
      const ttl = await client.ttl("k");
      assert.ok(ttl > 990 && ttl <= 1000, `${ttl}`);
      assert.equal(await client.expireTime("none"), -2);
    });

    test("scan iterator", async () => {
      await client.mSet([...Array(2000).keys()].flatMap((i) => [`scan:${i}`, "x"]));
      const found = new Set();
      for await (const keys of client.scanIterator({ MATCH: "scan:*", COUNT: 100 }))
        for (const key of keys) found.add(key);
      assert.equal(found.size, 2000);
    });

    test("commands of one turn are pipelined and keep their order", async () => {
      const replies = await Promise.all([...Array(1000)].map(() => client.incr("n")));
      assert.deepEqual(replies, [...Array(1000).keys()].map((i) => i + 1));
    });

    test("an error in a pipeline is only its own", async () => {
      const told = await Promise.allSettled(
        [client.set("a", "x"), client.incr("a"), client.get("a")]);
      assert.equal(told[1].reason.message, "ERR value is not an integer or out of range");
      assert.equal(told[2].value, "x");
      assert.equal(await client.get("a"), "x");
    });

    test("errors are errors", async () => {
      await assert.rejects(client.sendCommand(["NOSUCH", "a"]),
                           { message: /^ERR unknown command 'NOSUCH'/ });
      await assert.rejects(client.rename("none", "x"), { message: "ERR no such key" });
    });

    test("info, config, client list, command", async () => {
      assert.match(await client.info(), /redis_version:\d+\.\d+\.\d+\r\n/);
      assert.equal((await client.configGet("maxmemory-policy"))["maxmemory-policy"], "noeviction");
      assert.ok((await client.clientList()).some((row) => row.name === "e2e"));
      const get = (await client.commandInfo(["get"]))[0];
      assert.equal(get.arity, 2);
      assert.deepEqual(await client.commandGetKeys(["MSET", "a", "1", "b", "2"]), ["a", "b"]);
      assert.ok((await client.memoryUsage("none")) === null);
    });

    test("a large binary value", async () => {
      const value = "\r\n\0x".repeat(1 << 20);
      await client.set("big", value);
      assert.equal(await client.get("big"), value);
    });

    test("another database", async () => {
      const other = createClient({ url: url(PORT), RESP, database: 5 });
      other.on("error", () => {});
      await other.connect();
      await other.set("k", "five");
      assert.equal(await client.get("k"), null);
      assert.equal(await other.get("k"), "five");
      await other.close();
    });

    if (RESP === 3) {
      test("client-side caching by pushes", async (t) => {
        const cached = createClient({ url: url(PORT), RESP,
                                      clientSideCache: { ttl: 0, maxEntries: 0 } });
        cached.on("error", () => {});
        await cached.connect();
        t.after(() => cached.close());
        const { hitCount } = cached.clientSideCache.stats();
        await client.mSet(["a", "1", "b", "2"]);
        assert.deepEqual(await cached.mGet(["a", "b"]), ["1", "2"]);
        assert.deepEqual(await cached.mGet(["a", "b"]), ["1", "2"]);
        assert.equal(cached.clientSideCache.stats().hitCount, hitCount + 1);
        await client.incrBy("b", 40);
        for (const end = Date.now() + 20000; (await cached.mGet(["a", "b"]))[1] !== "42";) {
          assert.ok(Date.now() < end, "an old answer");
          await new Promise(setImmediate);
        }
        assert.ok((await client.clientList()).some((row) => row.flags.includes("t")));
      });

      test("keys with a prefix, told as events", async (t) => {
        const told = createClient({ url: url(PORT), RESP, emitInvalidate: true });
        told.on("error", () => {});
        await told.connect();
        t.after(() => told.close());
        const seen = [];
        const all = new Promise((resolve) => told.on("invalidate", (key) => {
          seen.push(key === null ? null : key.toString());
          if (key === null) resolve();
        }));
        await told.clientTracking(false);   // emitInvalidate turned it on, for what is read
        await told.clientTracking(true, { BCAST: true, PREFIX: "user:" });
        await client.mSet(["user:1", "a", "other", "b"]);
        await client.del("user:1");
        await client.flushAll();
        await all;
        assert.deepEqual(new Set(seen), new Set(["user:1", null]));
      });
    }

    test("cluster client against one node", async () => {
      const cluster = createCluster({ rootNodes: [{ url: url(CLUSTER_PORT) }],
                                      RESP, defaults: { RESP } });
      cluster.on("error", () => {});
      await cluster.connect();
      const numbers = [...Array(500).keys()];
      const writes = await Promise.all(numbers.map((i) => cluster.set(`c${i}`, `${i}`)));
      assert.ok(writes.every((reply) => reply === "OK"));
      assert.deepEqual(await Promise.all(numbers.map((i) => cluster.get(`c${i}`))),
                       numbers.map(String));
      await cluster.mSet({ "{tag}1": "a", "{tag}2": "b" });
      assert.deepEqual(await cluster.mGet(["{tag}1", "{tag}2"]), ["a", "b"]);
      let total = 0;
      const found = [];
      for (const master of cluster.masters) {
        const node = await cluster.nodeClient(master);
        total += await node.dbSize();
        for await (const keys of node.scanIterator({ MATCH: "c*", COUNT: 50 })) found.push(...keys);
      }
      assert.equal(total, 502);
      assert.deepEqual(found.sort(), numbers.map((i) => `c${i}`).sort());
      await (await cluster.nodeClient(cluster.masters[0])).flushAll();
      await cluster.close();
    });
  });
}
