import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, describe, it } from "node:test";
import { promisify } from "node:util";
import { Webhook } from "standardwebhooks";
import type { Delivery, RecordedEvent, WebhookStatus } from "../../src/events/index.ts";
import { linearModel } from "../kit/onnx-models.ts";
import { program } from "../kit/program.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";

/** A receiver of webhooks whose answers the test decides. */
class Receiver {
  readonly received: { headers: IncomingHttpHeaders; body: string }[] = [];
  readonly #server: Server;
  answer: (response: ServerResponse) => void = (response) => response.writeHead(204).end();
  #heard: () => void = () => undefined;

  constructor() {
    this.#server = createServer((request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (text: string) => (body += text));
      request.on("end", () => {
        this.received.push({ headers: request.headers, body });
        this.answer(response);
        this.#heard();
      });
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`;
  }

  async atLeast(count: number): Promise<void> {
    while (this.received.length < count) await new Promise<void>((resolve) => { this.#heard = resolve; });
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

const environment = { SLIPWAY_EGRESS_ALLOWED: "127.0.0.0/8" };

describe("events of a server", () => {
  const closing: (() => Promise<unknown>)[] = [];
  after(async () => {
    for (const close of closing.reverse()) await close();
  });

  async function slipway(server: RunningServer, ...words: string[]): Promise<unknown> {
    const { stdout } = await promisify(execFile)(process.execPath, [program, "--json", "--url", server.url, ...words]);
    return JSON.parse(stdout);
  }

  it("reach a webhook signed and in order; one in flight at kill -9 comes again after the restart, and none is lost", async () => {
    const receiver = new Receiver();
    const url = await receiver.listen();
    closing.push(() => receiver.close());
    let server = await startServer({ environment });
    const { directory } = server;
    closing.push(() => rm(directory, { recursive: true, force: true }), () => server.stop({ keep: true }));
    const { id, secret } = (await slipway(server, "webhooks", "create", "ci", url, "--types", "model.*")) as { id: string; secret: string };
    const verified = (index: number): { type: string; data: Record<string, unknown> } => {
      const { headers, body } = receiver.received[index]!;
      return new Webhook(secret).verify(body, headers as Record<string, string>) as { type: string; data: Record<string, unknown> };
    };

    await server.client.deploy({ file: await server.file("one.onnx", linearModel({ weights: [1] })), name: "flights" });
    await receiver.atLeast(2);
    assert.deepEqual([0, 1].map((index) => [verified(index).type, verified(index).data.object, verified(index).data.version]), [
      ["model.version.registered", "model:flights", "1"], ["model.alias.changed", "model:flights", "1"],
    ]);

    // The receiver holds the request, the server dies with it.
    receiver.answer = () => undefined;
    await server.client.deploy({ file: await server.file("two.onnx", linearModel({ weights: [2] })), name: "flights" });
    await receiver.atLeast(3);
    await server.kill();
    receiver.answer = (response) => response.writeHead(204).end();
    server = await startServer({ directory, environment });
    await receiver.atLeast(5);
    assert.deepEqual([2, 3, 4].map((index) => [verified(index).type, verified(index).data.version]), [
      ["model.version.registered", "2"], ["model.version.registered", "2"], ["model.alias.changed", "2"],
    ]);
    assert.equal(receiver.received[2]!.headers["webhook-id"], receiver.received[3]!.headers["webhook-id"]);

    const { events } = (await slipway(server, "events", "--object", "model:flights")) as { events: RecordedEvent[] };
    assert.deepEqual(events.map(({ sequence, type, actor }) => [sequence, type, actor]), [
      [4, "model.alias.changed", "local"], [3, "model.version.registered", "local"], [2, "model.alias.changed", "local"], [1, "model.version.registered", "local"],
    ]);
    assert.deepEqual(events.toReversed().map((event) => event.id), [0, 1, 3, 4].map((index) => receiver.received[index]!.headers["webhook-id"]));
    const delivered = async (): Promise<Delivery[]> => ((await slipway(server, "webhooks", "deliveries", id)) as { deliveries: Delivery[] }).deliveries;
    while ((await delivered()).some(({ state }) => state !== "delivered"));
    assert.deepEqual((await delivered()).map(({ sequence, lastStatus }) => [sequence, lastStatus]), [[4, 204], [3, 204], [2, 204], [1, 204]]);

    await slipway(server, "webhooks", "redeliver", id, "1");
    await receiver.atLeast(6);
    assert.deepEqual([receiver.received[5]!.headers["webhook-id"], verified(5).data.version], [events[3]!.id, "1"]);
  });

  it("stop while a webhook is paused or its receiver is gone, and go on from where they were", async () => {
    const receiver = new Receiver();
    const url = await receiver.listen();
    closing.push(() => receiver.close());
    const server = await startServer({ environment });
    closing.push(() => server.stop());
    const { id } = (await slipway(server, "webhooks", "create", "ci", url)) as { id: string };
    receiver.answer = (response) => response.writeHead(410).end();
    await slipway(server, "webhooks", "test", id);
    await receiver.atLeast(1);
    const status = async (): Promise<WebhookStatus> => ((await slipway(server, "webhooks", "list")) as { webhooks: WebhookStatus[] }).webhooks[0]!;
    while ((await status()).pausedAt === null);
    await slipway(server, "webhooks", "test", id);
    while ((await status()).pending < 2);
    assert.equal(receiver.received.length, 1);
    receiver.answer = (response) => response.end();
    await slipway(server, "webhooks", "resume", id);
    await receiver.atLeast(3);
    const { deliveries } = (await slipway(server, "webhooks", "deliveries", id)) as { deliveries: Delivery[] };
    assert.deepEqual(deliveries.map(({ type, object }) => [type, object]), [["webhook.test", `webhook:${id}`], ["webhook.test", `webhook:${id}`]]);
    const ids = receiver.received.map(({ headers }) => headers["webhook-id"]);
    assert.deepEqual([ids[0] === ids[1], ids[1] === ids[2]], [true, false]);
  });
});
