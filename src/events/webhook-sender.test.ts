import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, it } from "node:test";
import { Webhook as StandardWebhook } from "standardwebhooks";
import { NodeEgressClient } from "../adapters/egress/node-egress-client.ts";
import { epochMs, systemClock } from "../core/clock.ts";
import { SecretBox } from "../core/secret-box.ts";
import type { LeasedDelivery } from "./delivery-store.ts";
import { eventOn } from "./outbox.conformance.ts";
import { signedHeaders, standardFormat } from "./standard-format.ts";
import type { WebhookFormat } from "./webhook-format.ts";
import { newWebhookSecret, rotatedSecrets, sealSecrets, validSecrets, type WebhookSecrets } from "./webhook-secret.ts";
import { WebhookSender } from "./webhook-sender.ts";

interface Received {
  method: string;
  headers: Record<string, string>;
  body: string;
}

const secrets = new SecretBox(new Uint8Array(32).fill(7));
const secret = newWebhookSecret();
const event = { ...eventOn("model:churn", { payload: { model: "churn", version: "3", note: "é😀" }, time: epochMs(1_700_000_000_123), actor: "key:1" }), sequence: 5, id: "evt_5" };

/** Shows what a format is given. */
const oddFormat: WebhookFormat = {
  ...standardFormat,
  request: ({ event: { id }, detail, secrets: signing, now }) => ({ headers: { "x-odd": `${id} ${typeof now}` }, body: JSON.stringify({ detail, signing }) }),
};

describe("WebhookSender", () => {
  const servers: Server[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  /** A receiver on a port of its own, with what it received. */
  async function receiver(answer: (response: ServerResponse, request: IncomingMessage) => void) {
    const received: Received[] = [];
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        received.push({ method: request.method!, headers: request.headers as Record<string, string>, body: Buffer.concat(chunks).toString("utf8") });
        answer(response, request);
      });
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, received, server };
  }

  const sender = (options: { timeoutMs?: number; allowed?: string[] } = {}): WebhookSender =>
    new WebhookSender({ egress: new NodeEgressClient({ allowed: options.allowed ?? ["127.0.0.0/8"] }), secrets, clock: systemClock, formats: { standard: standardFormat, odd: oddFormat }, ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }) });
  const deliveryTo = (url: string, kept: WebhookSecrets = { current: secret, former: null }): LeasedDelivery => ({
    subscription: "whk_1", event, attempt: 1, lease: "lease", webhook: { url, sealedSecret: sealSecrets(secrets, "whk_1", kept), format: "standard", detail: null },
  });
  const send = (url: string, options: { timeoutMs?: number; allowed?: string[] } = {}) => sender(options).send(deliveryTo(url), new AbortController().signal);

  it("sends the event so that the library of Standard Webhooks verifies it", async () => {
    const { url, received } = await receiver((response) => response.writeHead(204).end());
    assert.deepEqual(await send(url), { ok: true, status: 204 });
    const [{ method, headers, body } = assert.fail()] = received;
    assert.deepEqual([method, headers["content-type"], headers["webhook-id"]], ["POST", "application/json", "evt_5"]);
    assert.deepEqual(new StandardWebhook(secret).verify(body, headers), {
      type: "model.alias.changed",
      timestamp: "2023-11-14T22:13:20.123Z",
      data: { model: "churn", version: "3", note: "é😀", object: "model:churn", team: "default", actor: "key:1" },
    });
    assert.throws(() => new StandardWebhook(secret).verify(`${body} `, headers), /No matching signature/);
    assert.throws(() => new StandardWebhook(newWebhookSecret()).verify(body, headers), /No matching signature/);
    assert.throws(() => new StandardWebhook(secret).verify(body, { ...headers, "webhook-id": "evt_6" }), /No matching signature/);
  });

  it("signs with both secrets for a day after a rotation, and with the new one alone from then on", async () => {
    const { url, received } = await receiver((response) => response.end());
    const next = newWebhookSecret();
    const rotated = rotatedSecrets({ current: secret, former: null }, next, systemClock.now());
    await sender().send(deliveryTo(url, rotated), new AbortController().signal);
    const [{ headers, body } = assert.fail()] = received;
    for (const each of [secret, next]) assert.ok(new StandardWebhook(each).verify(body, headers));
    const { former } = rotated;
    assert.equal(former!.until - systemClock.now() > 86_000_000, true);
    const signatures = (now: number): number => signedHeaders(validSecrets(rotated, epochMs(now)), "evt_5", body, epochMs(now))["webhook-signature"]!.split(" ").length;
    assert.deepEqual([signatures(former!.until - 1), signatures(former!.until)], [2, 1]);
    const again = rotatedSecrets(rotated, newWebhookSecret(), systemClock.now());
    assert.equal(again.former?.secret, next);
  });

  it("sends what the webhook's format makes of the event, and fails for a format that this release lacks", async () => {
    const { url, received } = await receiver((response) => response.end());
    const delivery = (format: string, kept: WebhookSecrets): LeasedDelivery => {
      const { webhook, ...rest } = deliveryTo(url, kept);
      return { ...rest, webhook: { ...webhook!, format, detail: { pairs: 1 } } };
    };
    const signal = new AbortController().signal;
    const until = systemClock.now() + 60_000;
    const kept = [{ current: secret, former: null }, { current: "next", former: { secret, until } }, { current: "", former: null }, { current: "first", former: { secret: "", until } }];
    for (const each of kept) assert.deepEqual(await sender().send(delivery("odd", each), signal), { ok: true, status: 200 });
    assert.deepEqual(received.map(({ headers, body }) => [headers["x-odd"], headers["user-agent"], JSON.parse(body)]), [[secret], ["next", secret], [], ["first"]].map((signing) => ["evt_5 number", "Slipway", { detail: { pairs: 1 }, signing }]));
    const unknown = await sender().send(delivery("__proto__", { current: secret, former: null }), signal);
    assert.ok(!unknown.ok && unknown.error.startsWith("NOT_SUPPORTED: "));
    assert.equal(received.length, 4);
  });

  it("tries a webhook out once and answers with what came, whatever the status", async () => {
    const { url, received } = await receiver((response) => response.writeHead(503, { "retry-after": "9" }).end("not now"));
    const webhook = { id: "whk_1", ...deliveryTo(url).webhook! };
    const { status, body } = await sender().sendOnce(webhook, event);
    assert.deepEqual([status, Buffer.from(body).toString(), received.length], [503, "not now", 1]);
    await assert.rejects(sender({ allowed: [] }).sendOnce(webhook, event), { code: "EGRESS_REFUSED" });
    await assert.rejects(sender().sendOnce({ ...webhook, id: "whk_2" }, event), { code: "SECRET_UNREADABLE" });
    assert.equal(received.length, 1);
  });

  it("takes every other answer for a failure that says what came", async () => {
    for (const status of [400, 404, 500, 503]) {
      const { url } = await receiver((response) => response.writeHead(status, { "retry-after": status === 503 ? "120" : "soon" }).end("no"));
      assert.deepEqual(await send(url), { ok: false, status, error: `The receiver answered ${status}: not a success.`, pause: false, askedMs: status === 503 ? 120_000 : 0 });
    }
  });

  it("asks to pause the webhook whose receiver is gone for good", async () => {
    const { url } = await receiver((response) => response.writeHead(410).end());
    const result = await send(url);
    assert.deepEqual([result.ok, result.ok || result.pause], [false, true]);
  });

  it("does not follow a redirect", async () => {
    const other = await receiver((response) => response.end());
    const { url } = await receiver((response) => response.writeHead(307, { location: other.url }).end());
    assert.deepEqual(await send(url), { ok: false, status: 307, error: "The receiver answered 307: redirects are not followed.", pause: false, askedMs: 0 });
    assert.deepEqual(other.received, []);
  });

  it("judges an answer without end by its head", async () => {
    const chunk = Buffer.alloc(64 << 10, "x");
    const { url } = await receiver((response) => {
      const flood = (): void => { while (!response.destroyed && response.write(chunk)); };
      response.on("drain", flood);
      response.on("error", () => undefined);
      flood();
    });
    assert.deepEqual(await send(url), { ok: true, status: 200 });
  });

  it("gives up on a receiver that hangs, is not there, or breaks off, and says so without inner details", async () => {
    const hanging = await receiver(() => undefined);
    const breaking = await receiver((_, request) => request.socket.destroy());
    const closed = await receiver(() => undefined);
    await new Promise((resolve) => closed.server.close(resolve));
    for (const [url, timeoutMs] of [[hanging.url, 50], [breaking.url, 15_000], [closed.url, 15_000]] as const) {
      const result = await send(url, { timeoutMs });
      assert.ok(!result.ok && !result.pause && result.status === null);
      assert.match(result.error, /^EGRESS_FAILED: [A-Z]/);
      assert.doesNotMatch(result.error, /ECONN|socket|node:/);
    }
  });

  it("sends nothing to an address that may not be called, nor without its secret", async () => {
    const { url, received } = await receiver((response) => response.end());
    const refused = await send(url, { allowed: [] });
    assert.ok(!refused.ok && refused.error.startsWith("EGRESS_REFUSED: "));
    const stolen = { ...deliveryTo(url), subscription: "whk_2" };
    const unreadable = await sender().send(stolen, new AbortController().signal);
    assert.ok(!unreadable.ok && unreadable.error.startsWith("SECRET_UNREADABLE: "));
    assert.deepEqual(received, []);
  });

  it("stops when it is told to", async () => {
    const { url, received } = await receiver(() => abort.abort());
    const abort = new AbortController();
    const result = await sender().send(deliveryTo(url), abort.signal);
    assert.deepEqual([result.ok, received.length], [false, 1]);
  });
});
