import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApiClient } from "../core/api-client.ts";
import { deployFiles } from "./deploy-files.ts";

test("who waits long for a deployment is told that it goes on, until it ends", async (context) => {
  context.mock.timers.enable({ apis: ["setInterval"] });
  const answer = Promise.withResolvers<unknown>();
  const sent = Promise.withResolvers<void>();
  const api = { send: () => { sent.resolve(); return answer.promise; } } as unknown as ApiClient;
  const told: string[] = [];
  const deployed = deployFiles(api, { file: "runs:/abc/model", name: "m" }, (text) => told.push(text));
  await sent.promise;
  told.length = 0;
  context.mock.timers.tick(45_000);
  assert.deepEqual(told.map((text) => /after (\d+) s/.exec(text)?.[1]), ["15", "30", "45"]);
  answer.resolve({});
  await deployed;
  context.mock.timers.tick(45_000);
  assert.equal(told.length, 3);
});

test("a table is no model, unless its rows are to be answered", async () => {
  const asked: string[] = [];
  const api = { send: (_: string, path: string) => { asked.push(path); return Promise.resolve({}); } } as unknown as ApiClient;
  await assert.rejects(deployFiles(api, { file: "prices.CSV", name: "m" }), { code: "INVALID_REQUEST", message: /--runtime lookup --key/ });
  assert.deepEqual(asked, []);
});
