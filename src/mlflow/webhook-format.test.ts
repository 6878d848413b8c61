import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { describe, it } from "node:test";
import { epochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { eventPayloads, type RecordedEvent } from "../events/index.ts";
import { eventsNotHere, examplesOf, webhookEvents } from "./webhook-events.ts";
import { exampleOf, mlflowWebhookFormat, pairsOf, signatureOf, subscriptionTo } from "./webhook-format.ts";

const now = epochMs(1_700_000_999_999);
const eventOf = (type: string, payload: Record<string, unknown>): RecordedEvent => ({
  sequence: 9, id: "evt_9", type, object: "model:told", team: "default", actor: "key:1", time: epochMs(1_700_000_000_123), payload: { model: "told", ...payload },
});
const requested = (event: RecordedEvent, secrets: readonly string[] = [], detail = mlflowWebhookFormat.subscription(["*"]).detail) => mlflowWebhookFormat.request({ event, detail, secrets, now });
const bodyOf = (event: RecordedEvent): { entity: string; action: string; timestamp: string; data: object } => JSON.parse(requested(event).body) as ReturnType<typeof bodyOf>;
const toldAs = (event: RecordedEvent): [string, object] => {
  const { entity, action, data } = bodyOf(event);
  return [`${entity}.${action}`, data];
};
const tags = [{ key: "stage", value: "new" }, { key: "__proto__", value: "x" }];
const promptTags = [...tags, { key: "mlflow.prompt.is_prompt", value: "true" }, { key: "mlflow.prompt.text", value: "Hi" }, { key: "_mlflow_prompt_type", value: "text" }];

describe("MLflow's format of webhooks", () => {
  it("signs id, time and body with the text of the secret, the newest alone, and without a secret not at all", () => {
    const event = eventOf("model.alias.changed", { alias: "é😀", version: "3" });
    const { headers, body } = requested(event, ["sécret", "former"]);
    // By its documentation: "v1," and the base64 of HMAC-SHA-256 over "{delivery id}.{timestamp}.{payload}", keyed with the secret in UTF-8.
    const signature = createHmac("sha256", Buffer.from("sécret", "utf8")).update(Buffer.from(`evt_9.1700000999.${body}`, "utf8")).digest("base64");
    assert.deepEqual(headers, { "X-MLflow-Delivery-Id": "evt_9", "X-MLflow-Timestamp": "1700000999", "X-MLflow-Signature": `v1,${signature}` });
    // Made with Python's hmac, base64 and hashlib.
    assert.equal(signatureOf("test-secret-key", "delivery-1", "1700000000", '{"entity": "model_version"}'), "v1,sEaHhWlZawXylf0i3EGvUf+g47CJCnKXjHH+YtqF//A=");
    assert.deepEqual(requested(event, []).headers, { "X-MLflow-Delivery-Id": "evt_9", "X-MLflow-Timestamp": "1700000999" });
  });

  it("tells of models with the data that MLflow sends", () => {
    const { timestamp, ...rest } = bodyOf(eventOf("model.alias.changed", { alias: "best", version: "3", before: "2", reason: "Better." }));
    assert.deepEqual(rest, { entity: "model_version_alias", action: "created", data: { name: "told", alias: "best", version: "3" } });
    assert.equal(timestamp, "2023-11-14T22:13:20.123+00:00");
    const asObject = JSON.parse('{"stage":"new","__proto__":"x"}') as object;
    const version = { name: "told", version: "1", source: "s3://b/m", run_id: "r", tags: asObject, description: "First" };
    const cases: [RecordedEvent, string, object][] = [
      [eventOf("model.created", { description: "A", tags }), "registered_model.created", { name: "told", tags: asObject, description: "A" }],
      [eventOf("model.created", {}), "registered_model.created", { name: "told", tags: {}, description: "" }],
      [eventOf("model.version.registered", { version: "1", contractDigest: "d", source: "s3://b/m", runId: "r", description: "First", tags }), "model_version.created", version],
      // Uploaded by `slipway deploy`.
      [eventOf("model.version.registered", { version: "2" }), "model_version.created", { name: "told", version: "2", source: "models:/told/2", run_id: null, tags: {}, description: null }],
      [eventOf("model.version.tag.set", { version: "1", key: "k", value: "", before: "o" }), "model_version_tag.set", { name: "told", version: "1", key: "k", value: "" }],
      [eventOf("model.version.tag.deleted", { version: "1", key: "k", before: "o" }), "model_version_tag.deleted", { name: "told", version: "1", key: "k" }],
      [eventOf("model.alias.deleted", { alias: "best", version: "3" }), "model_version_alias.deleted", { name: "told", alias: "best" }],
    ];
    for (const [event, name, data] of cases) assert.deepEqual(toldAs(event), [name, data]);
  });

  it("tells of prompts as prompts, without the tags that make them prompts", () => {
    const asObject = JSON.parse('{"stage":"new","__proto__":"x"}') as object;
    const prompt = (type: string, payload: object): RecordedEvent => eventOf(type, { ...payload, prompt: true });
    const cases: [RecordedEvent, string, object][] = [
      [prompt("model.created", { tags: promptTags.filter(({ key }) => key !== "mlflow.prompt.text") }), "prompt.created", { name: "told", tags: asObject, description: "" }],
      [prompt("model.version.registered", { version: "1", source: "prompt-template", tags: promptTags }), "prompt_version.created", { name: "told", version: "1", template: "Hi", tags: asObject, description: null }],
      [prompt("model.tag.set", { key: "k", value: "v", before: null }), "prompt_tag.set", { name: "told", key: "k", value: "v" }],
      [prompt("model.tag.deleted", { key: "k", before: "v" }), "prompt_tag.deleted", { name: "told", key: "k" }],
      [prompt("model.version.tag.set", { version: "1", key: "k", value: "v" }), "prompt_version_tag.set", { name: "told", version: "1", key: "k", value: "v" }],
      [prompt("model.version.tag.deleted", { version: "1", key: "k" }), "prompt_version_tag.deleted", { name: "told", version: "1", key: "k" }],
      [prompt("model.alias.changed", { alias: "live", version: "1" }), "prompt_alias.created", { name: "told", alias: "live", version: "1" }],
      [prompt("model.alias.deleted", { alias: "live", version: "1" }), "prompt_alias.deleted", { name: "told", alias: "live" }],
    ];
    for (const [event, name, data] of cases) assert.deepEqual(toldAs(event), [name, data]);
  });

  it("wants what the webhook subscribed to, models and prompts apart", () => {
    const { types, detail } = subscriptionTo([{ entity: "prompt_alias", action: "created" }, { entity: "model_version", action: "created" }]);
    assert.deepEqual([types, pairsOf(detail)], [["model.version.registered", "model.alias.changed"], [{ entity: "prompt_alias", action: "created" }, { entity: "model_version", action: "created" }]]);
    const wanted = (type: string, payload: object): boolean => mlflowWebhookFormat.wants(eventOf(type, { ...payload }), detail);
    assert.deepEqual([wanted("model.version.registered", {}), wanted("model.version.registered", { prompt: true })], [true, false]);
    assert.deepEqual([wanted("model.alias.changed", {}), wanted("model.alias.changed", { prompt: true })], [false, true]);
    assert.deepEqual([wanted("model.tag.set", {}), wanted("key.created", {}), wanted("webhook.test", {})], [false, false, true]);
    for (const broken of [null, {}, { events: "all" }]) assert.equal(mlflowWebhookFormat.wants(eventOf("model.version.registered", {}), broken), false);
  });

  it("makes of types the pairs that are told from them, and refuses those that it has no words for", () => {
    const { types, detail } = mlflowWebhookFormat.subscription(["model.alias.*", "key.created"]);
    assert.deepEqual([types, pairsOf(detail).map(({ entity, action }) => `${entity}.${action}`)], [
      ["model.alias.changed", "model.alias.deleted"], ["model_version_alias.created", "model_version_alias.deleted", "prompt_alias.created", "prompt_alias.deleted"],
    ]);
    assert.equal(pairsOf(mlflowWebhookFormat.subscription(["*"]).detail).length, webhookEvents.length);
    for (const types of [["key.created"], ["workflow.*"], []]) assert.throws(() => mlflowWebhookFormat.subscription(types), (error) => error instanceof AppError && error.code === "INVALID_PARAMETER");
  });

  it("sends as a test the example that is asked for, or that of the webhook's first event", () => {
    const { detail } = subscriptionTo([{ entity: "prompt_version", action: "created" }]);
    const tested = (payload: object): unknown => JSON.parse(requested(eventOf("webhook.test", { ...payload }), [], detail).body);
    const timestamp = "2023-11-14T22:13:20.123+00:00";
    const example = { name: "example_prompt", version: "1", template: "Hello {{name}}!", tags: { example_key: "example_value" }, description: "An example prompt version" };
    assert.deepEqual(tested({ name: "hook" }), { entity: "prompt_version", action: "created", timestamp, data: example });
    const set = { entity: "model_version_tag", action: "set" };
    assert.deepEqual(tested({ name: "hook", ...exampleOf(set) }), { ...set, timestamp, data: { name: "example_model", version: "1", key: "example_key", value: "example_value" } });
  });

  it("has an example for every pair, and a pair only for types that events have", () => {
    for (const event of webhookEvents) {
      assert.ok(Object.hasOwn(eventPayloads, event.type), event.type);
      assert.equal(Object.values(examplesOf(event)).includes(undefined), false, `${event.entity}.${event.action}`);
    }
    const names = [...webhookEvents, ...eventsNotHere].map(({ entity, action }) => `${entity}.${action}`);
    assert.equal(new Set(names).size, names.length);
  });
});
