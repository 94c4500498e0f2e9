/** socket.js against a server object and a clock of the test's own. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { backoff, pauseAfter, Socket } from "../../static/js/socket.js";
import { Clock, Server } from "./fakes.js";

function connected({ online = true } = {}) {
  const [server, clock] = [new Server(), new Clock()];
  const seen = { states: [], messages: [], opened: 0, logins: 0 };
  const socket = new Socket("ws://test/ws/", {
    onOpen: () => { seen.opened += 1; },
    onMessage: (message) => seen.messages.push(message),
    onState: (state) => seen.states.push(state),
    onNoLogin: () => { seen.logins += 1; },
  }, {
    WebSocket: server.WebSocket, setTimeout: clock.set, clearTimeout: clock.clear,
    random: () => 1, isOnline: () => online,
  });
  socket.connect();
  return { server, clock, socket, seen };
}

const settled = () => new Promise((resolve) => { setImmediate(resolve); });

test("a lost connection comes back by itself", async () => {
  const { server, clock, seen } = connected();
  await settled();
  server.drop();
  assert.deepEqual(seen.states, ["open", "reconnecting"]);
  clock.advance(400);
  await settled();
  assert.equal(server.sockets.length, 2);
  assert.equal(seen.opened, 2);
  assert.equal(seen.states.at(-1), "open");
});

test("pauses between attempts grow to a limit and begin anew after a success", async () => {
  const { server, clock } = connected();
  await settled();
  server.up = false;
  server.drop();
  const pauses = [];
  for (let n = 1; n < 9; n += 1) {
    const before = clock.now;
    while (server.sockets.length === n) clock.advance(50);
    pauses.push(clock.now - before);
    await settled();
  }
  assert.deepEqual(pauses, [400, 800, 1600, 3200, 6400, 12800, 20000, 20000]);
  assert.equal(backoff(0, () => 0), 200);
});

test("after a restart of the server tabs come back within two seconds, not all at once", () => {
  assert.deepEqual([0, 0.5, 1].map((chance) => pauseAfter(1012, 0, () => chance)), [200, 1000, 1800]);
});

test("a server that closes what it has just accepted is asked less and less often", async () => {
  const { server, clock, seen } = connected();
  await settled();
  server.refuses = 1012;
  server.drop(1012);
  const pauses = [];
  for (let n = 1; n < 6; n += 1) {
    const before = clock.now;
    while (server.sockets.length === n) clock.advance(50);
    pauses.push(clock.now - before);
    await settled();
  }
  assert.deepEqual(pauses, [1800, 800, 1600, 3200, 6400]);
  assert.deepEqual(seen.states, ["open", "restarting"]);
  server.refuses = 0;
  clock.advance(12_800);
  await settled();
  assert.equal(seen.states.at(-1), "open");
});

test("a server that asks to come later is left alone for longer", () => {
  for (const n of [0, 1, 2]) assert.ok(pauseAfter(1013, n, () => 0) > 3 * pauseAfter(1006, n, () => 1));
  assert.equal(pauseAfter(1013, 9, () => 1), 20_000);
});

test("with too many tabs it says so without a break, and asks again every 15 s or so", async () => {
  const { server, clock, seen } = connected();
  server.refuses = 4429;
  await settled();
  for (let n = 1; n < 4; n += 1) {
    clock.advance(11_900);
    assert.equal(server.sockets.length, n);
    clock.advance(6_100);
    await settled();
    assert.equal(server.sockets.length, n + 1);
  }
  assert.deepEqual(seen.states, ["too-many-tabs"]);
  server.refuses = 0;
  clock.advance(18_000);
  await settled();
  assert.deepEqual(seen.states, ["too-many-tabs", "open"]);
});

test("nothing is sent to a server that only accepts in order to close", async () => {
  const { server, seen, socket } = connected();
  server.refuses = 1012;
  await settled();
  assert.equal(socket.send({ type: "ping", id: "vain" }), false);
  assert.equal(seen.opened, 0);
  assert.deepEqual(server.sockets[0].got, []);
});

test("a server that accepts and says nothing is left", async () => {
  const { server, clock, seen } = connected();
  server.silent = true;
  await settled();
  clock.advance(20_000);
  assert.equal(server.sockets[0].closed, true);
  assert.deepEqual(seen.states, ["reconnecting"]);
});

test("a server that does not answer a ping is left, and its late close is no second loss", async () => {
  const { server, clock, seen } = connected();
  await settled();
  server.silent = true;
  clock.advance(20_000 + 8_000);
  assert.equal(server.sockets[0].closed, true);
  assert.equal(seen.states.at(-1), "reconnecting");
  server.silent = false;
  clock.advance(400);
  await settled();
  server.sockets[0].onclose({ code: 1006 });
  assert.equal(seen.states.at(-1), "open");
  assert.equal(server.sockets.length, 2);
});

test("a server that answers pings is kept", async () => {
  const { server, clock } = connected();
  await settled();
  clock.advance(300_000);
  assert.equal(server.sockets.length, 1);
  assert.ok(server.last.got.length > 5);
});

test("without a network it says offline and comes back at once with it", async () => {
  const { server, clock, socket, seen } = connected({ online: false });
  await settled();
  server.silent = true;
  socket.offline();
  clock.advance(2_500);
  assert.equal(seen.states.at(-1), "offline");
  server.silent = false;
  socket.online();
  await settled();
  assert.equal(seen.states.at(-1), "open");
});

test("an offline event does not end a connection that still answers", async () => {
  const { server, clock, socket, seen } = connected({ online: false });
  await settled();
  socket.offline();
  clock.advance(10_000);
  assert.equal(seen.states.at(-1), "open");
  assert.equal(server.sockets.length, 1);
});

test("close code 4401 leads to the login and to no further attempt", async () => {
  const { server, clock, seen } = connected();
  await settled();
  server.drop(4401);
  clock.advance(60_000);
  assert.equal(seen.logins, 1);
  assert.equal(server.sockets.length, 1);
});

test("a frame that is not JSON does not end anything", async (context) => {
  context.mock.method(console, "error", () => {});
  const { server, seen } = connected();
  await settled();
  server.last.onmessage({ data: "{" });
  server.last.say({ type: "budget.updated" });
  assert.deepEqual(seen.messages, [{ type: "hello" }, { type: "budget.updated" }]);
});

test("nothing is sent between the close frame and the close event", async () => {
  const { server, socket } = connected();
  await settled();
  server.sockets[0].readyState = 2;
  assert.equal(socket.send({ type: "ping", id: "late" }), false);
  assert.deepEqual(server.sockets[0].got, []);
});
