import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { after, afterEach, before, describe, it } from "node:test";
import { openResources, openResourcesAtMost } from "./open-resources.ts";
import { SocketProxy } from "./socket-proxy.ts";

describe("SocketProxy", () => {
  let echo: Server;
  let proxy: SocketProxy | undefined;
  const clients: Socket[] = [];

  before(async () => {
    echo = createServer((socket) => socket.on("error", () => undefined).pipe(socket));
    echo.listen(0, "127.0.0.1");
    await once(echo, "listening");
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await proxy?.close();
  });
  after(() => void echo.close());

  const echoPort = (): number => (echo.address() as AddressInfo).port;

  function dial(): Socket {
    const client = connect(proxy!.port, "127.0.0.1");
    clients.push(client);
    return client.on("error", () => undefined);
  }

  async function open(): Promise<Socket> {
    const client = dial();
    await once(client, "connect");
    return client;
  }

  function closed(client: Socket): Promise<void> {
    return new Promise((resolve) => client.once("close", () => resolve()));
  }

  /** Reads until so many bytes are there. */
  async function read(client: Socket, length: number): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    while (bytes < length) {
      const [chunk] = (await once(client, "data")) as [Buffer];
      chunks.push(chunk);
      bytes += chunk.length;
    }
    return Buffer.concat(chunks);
  }

  const content = Buffer.from(Array.from({ length: 50_000 }, (_, index) => index % 251));

  it("carries bytes whole and in order, also piece by piece", async () => {
    proxy = await SocketProxy.start({ port: echoPort() });
    for (const fault of [{ kind: "none" }, { kind: "trickle", pieceBytes: 777 }] as const) {
      proxy.plan(() => fault);
      const client = await open();
      client.write(content.subarray(0, 100));
      client.write(content.subarray(100));
      assert.ok((await read(client, content.length)).equals(content));
    }
  });

  it("resets a connection after so many bytes, and others not", async () => {
    proxy = await SocketProxy.start({ port: echoPort() });
    const faults = [{ kind: "cut", afterBytes: 10 }, { kind: "none" }] as const;
    proxy.plan(() => faults[proxy!.accepted - 1]!);
    const [first, second] = [await open(), await open()];
    first.write(Buffer.alloc(20));
    await closed(first);
    second.write("still here");
    assert.equal((await read(second, 10)).toString(), "still here");
  });

  it("refuses, and resets what is open", async () => {
    proxy = await SocketProxy.start({ port: echoPort() });
    const client = await open();
    client.write("x");
    await read(client, 1);
    proxy.plan(() => ({ kind: "refuse" }));
    await closed(dial());
    const end = closed(client);
    proxy.cut();
    await end;
    assert.equal(proxy.accepted, 2);
  });

  it("leaves nothing open of a connection that it cuts while its end is on the way", async () => {
    proxy = await SocketProxy.start({ port: echoPort() });
    const before = openResources();
    const cut = Promise.withResolvers<void>();
    const onConnection = (message: unknown): void => {
      const { socket } = message as { socket: Socket };
      // One tick on it answers the end with its own, another one on that is on the way.
      if (socket.localPort === proxy!.port) socket.once("end", () => process.nextTick(() => process.nextTick(() => cut.resolve(proxy!.cut()))));
    };
    subscribe("net.server.socket", onConnection);
    (await open()).end();
    await cut.promise;
    unsubscribe("net.server.socket", onConnection);
    await openResourcesAtMost(before);
  });

  it("holds back what comes while it stalls, and hands it on later", async () => {
    proxy = await SocketProxy.start({ port: echoPort() });
    proxy.plan(() => ({ kind: "stall", afterBytes: 3 }));
    const client = await open();
    client.write("abcdef");
    let received = "";
    client.on("data", (chunk: Buffer) => { received += chunk.toString(); });
    // What another connection carries in the meantime proves that time has passed.
    proxy.plan(() => ({ kind: "none" }));
    const other = await open();
    other.write("z");
    await read(other, 1);
    assert.equal(received, "");
    proxy.flow();
    while (received.length < 6) await once(client, "data");
    assert.equal(received, "abcdef");
  });

  it("leads new connections elsewhere", async () => {
    const other = createServer((socket) => socket.end("other"));
    other.listen(0, "127.0.0.1");
    await once(other, "listening");
    proxy = await SocketProxy.start({ port: echoPort() });
    const before = await open();
    proxy.retarget({ port: (other.address() as AddressInfo).port });
    assert.equal((await read(await open(), 5)).toString(), "other");
    before.write("echo");
    assert.equal((await read(before, 4)).toString(), "echo");
    other.close();
  });
});
