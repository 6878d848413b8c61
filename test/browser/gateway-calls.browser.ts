import assert from "node:assert/strict";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { becomes, openBrowser, openPage, overflow } from "./open-browser.ts";

/** What calls come to, in the playground, in traces and in sessions. */
describe("calls of the gateway in the console", () => {
  let server: RunningServer;
  let browser: Browser;
  const post = (path: string, body: unknown, method = "POST"): Promise<Response> => fetch(server.url + path, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  const send = async (method: string, path: string, body: unknown): Promise<void> => {
    const response = await post(path, body, method);
    assert.ok(response.ok, await response.text());
  };
  /** A server that speaks OpenAI's protocol, as a provider of that name. */
  const provide = async (name: string, answer: RequestListener): Promise<Server> => {
    const provider = createServer(answer).unref();
    await new Promise<void>((resolve) => provider.listen(0, "127.0.0.1", resolve));
    await send("PUT", `/api/gateway/providers/${name}`, { revision: 0, settings: { kind: "compatible", baseUrl: `http://127.0.0.1:${(provider.address() as AddressInfo).port}/v1` } });
    return provider;
  };
  before(async () => {
    [server, browser] = await Promise.all([startServer({ environment: { SLIPWAY_EGRESS_ALLOWED: "127.0.0.1" } }), openBrowser()]);
    await send("POST", "/api/prices", { provider: "echo", model: "echo", rates: { input: 100_000, output: 100_000 } });
  });
  after(async () => {
    await server.stop();
  });

  it("says in the playground when no names can be offered, and offers them as soon as they can be read", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.route("**/v1/models", (route) => route.fulfill({ status: 503, contentType: "application/json", body: JSON.stringify({ error: { code: "INTERNAL", message: "Not now.", hint: "", problems: [] } }) }));
    await page.goto("/gateway/playground");
    await page.getByText("No names can be offered: Not now.").waitFor();
    await page.unroute("**/v1/models");
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByText("No names can be offered").waitFor({ state: "detached" });
    await page.locator('#callable-names option[value="echo/echo"]').waitFor({ state: "attached" });
    watched.assertQuiet(/503/);
    await watched.close();
  });

  it("says in the playground which of two answers was quicker and which cheaper, and nothing before both are there", async () => {
    const answer = Promise.withResolvers<void>();
    const provider = await provide("late", (_request, response) => {
      const head = { id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "slow" };
      const events = [{ ...head, choices: [{ index: 0, delta: { content: "late" }, finish_reason: "stop" }] }, { ...head, choices: [], usage: { prompt_tokens: 2, completion_tokens: 1, total_tokens: 3 } }];
      void answer.promise.then(() => response.writeHead(200, { "Content-Type": "text/event-stream" }).end(`${events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("")}data: [DONE]\n\n`));
    });
    await send("POST", "/api/prices", { provider: "late", model: "slow", rates: { input: 1, output: 1 } });
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/gateway/playground?a=late%2Fslow&b=echo%2Fecho");
    await page.getByLabel("User").fill("one two three");
    await page.getByRole("button", { name: "Ask both" }).click();
    const compared = page.getByRole("status", { name: "Compared" });
    await page.getByRole("region", { name: "echo/echo" }).getByText("done", { exact: true }).waitFor();
    assert.equal(await compared.textContent(), "", "one answer is compared with nothing");
    answer.resolve();
    await compared.getByText(/^First token: echo\/echo was quicker, \S+ m?s against \S+ m?s\.$/).waitFor();
    await compared.getByText(/^Whole answer: echo\/echo was quicker, \S+ m?s against \S+ m?s\.$/).waitFor();
    await compared.getByText(/^Cost: late\/slow was cheaper, \$0\.000003 \(2 tokens in, 1 out\) against \$\d+\.\d+ \(\d+ tokens in, \d+ out\)\.$/).waitFor();
    assert.equal(await compared.getByRole("listitem").count(), 3);
    for (const colorScheme of ["dark", "light"] as const) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width: 390, height: 800 });
      assert.deepEqual(await overflow(page), [], colorScheme);
    }
    watched.assertQuiet();
    await watched.close();
    provider.close();
  });

  it("says what a call was that a budget refused, and one whose answer was cut, with what that cost by estimate", async () => {
    // Before something is shown, another attempt would be made.
    const isShown = Promise.withResolvers<void>();
    const head = { id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "m" };
    const provider = await provide("cutting", (_request, response) => {
      response.writeHead(200, { "Content-Type": "text/event-stream" }).write(`data: ${JSON.stringify({ ...head, choices: [{ index: 0, delta: { content: "Once upon a time" }, finish_reason: null }] })}\n\n`);
      void isShown.promise.then(() => response.socket!.end());
    });
    await send("POST", "/api/prices", { provider: "cutting", model: "m", rates: { input: 3, output: 15 } });
    await send("PUT", "/api/gateway/routes/poor", { revision: 0, settings: { targets: [{ provider: "cutting", model: "m" }], budget: { day: 0.000001 } } });
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/gateway/playground?a=cutting%2Fm&b=poor");
    await page.getByLabel("User").fill("Tell me a story.");
    await page.getByRole("button", { name: "Ask both" }).click();
    const [broken, refused] = [page.getByRole("region", { name: "cutting/m" }), page.getByRole("region", { name: "poor" })];
    await broken.getByRole("log").getByText("Once upon a time").waitFor();
    isShown.resolve();
    await broken.getByRole("alert").waitFor();
    assert.equal(await broken.getByRole("alert").locator("strong").textContent(), "The provider broke off its answer.");
    await broken.getByRole("alert").getByText("PROVIDER_STREAM_FAILED", { exact: true }).waitFor();
    await broken.getByText(/^≈ \$0\.\d+$/).waitFor();
    assert.equal(await broken.getByText(/^≈ [^$]+$/).count(), 2, "tokens in and out");
    assert.match((await refused.getByRole("alert").locator("strong").textContent())!, /^The budget of the route poor for this day is .* and this call may cost \S+\.$/);
    await refused.getByRole("alert").getByText("BUDGET_EXCEEDED", { exact: true }).waitFor();
    assert.equal(await refused.getByRole("link", { name: "Budgets, and what was spent" }).getAttribute("href"), "/costs");

    await refused.getByRole("link", { name: "Trace" }).click();
    await page.getByRole("note").getByText(/The budget of the route poor/).waitFor();
    await page.getByRole("note").getByRole("link", { name: "Budgets, and what was spent" }).waitFor();
    await page.getByRole("link", { name: /^Session / }).click();
    const turns = page.getByRole("listitem").filter({ has: page.getByRole("link", { name: /^chat / }) });
    const turn = turns.filter({ has: page.getByRole("link", { name: "chat poor" }) });
    await turn.getByText("Tell me a story.").waitFor();
    await turn.getByText(/^Failed: The budget of the route poor for this day is/).waitFor();
    await turns.filter({ has: page.getByRole("link", { name: "chat cutting/m" }) }).getByText("Failed: The provider broke off its answer.").waitFor();
    await page.getByRole("link", { name: "chat cutting/m" }).click();
    await page.getByRole("note").getByText("The provider broke off its answer.").waitFor();
    await page.getByRole("treeitem", { name: /^chat m at cutting, .*, failed/ }).waitFor();
    // An answer that stops in its midst looks like a whole one else.
    const answered = page.getByRole("listitem").filter({ hasText: "Once upon a time" });
    await answered.getByTitle("Why it ended").getByText("error", { exact: true }).waitFor();
    assert.equal((await post("/v1/chat/completions", { model: "nosuch", messages: [{ role: "user", content: "hello" }] })).status, 404);
    await page.goto("/gateway/health");
    const missed = page.getByRole("row").filter({ hasText: "GATEWAY_MODEL_NOT_FOUND" });
    await missed.getByText("these have no traces").waitFor();
    assert.equal(await missed.getByRole("link").count(), 0);
    await page.goto("/costs?range=1d");
    const tooSmall = page.getByRole("row").filter({ hasText: "poor" }).filter({ hasText: "a day" });
    await tooSmall.getByText("refuses calls", { exact: true }).waitFor();
    await tooSmall.getByText("1 call refused", { exact: true }).waitFor();
    await page.getByText("Budgets refused 1 call in the last 24 hours").getByRole("link", { name: "The traces" }).click();
    await becomes(() => page.getByRole("table").getByRole("link").allTextContents(), ["chat poor"]);
    watched.assertQuiet(/status of 402/);
    await watched.close();
    provider.close();
  });

  it("tells in a trace who made each attempt, which of them was given up, and how often the model was asked again", async () => {
    await send("PUT", "/api/gateway/providers/prose", { revision: 0, settings: { kind: "scripted", script: [{ text: "She is forty-one." }, { status: 500, error: "overloaded" }] } });
    await send("PUT", "/api/gateway/providers/careful", { revision: 0, settings: { kind: "scripted", script: [{ text: '{"age":41}' }] } });
    await send("PUT", "/api/gateway/routes/person", { revision: 0, settings: { targets: [{ provider: "prose", model: "m" }, { provider: "careful", model: "m", priority: 1 }], attempts: 1 } });
    const image = { type: "image_url", image_url: { url: "https://shop.example/portrait.png" } };
    const answer = await post("/v1/chat/completions", {
      model: "person", messages: [{ role: "user", content: [{ type: "text", text: "How old is she?" }, image] }],
      response_format: { type: "json_schema", json_schema: { name: "person", schema: { type: "object", properties: { age: { type: "integer" } }, required: ["age"] } } },
    });
    assert.equal(answer.headers.get("x-slipway-target"), "careful/m", await answer.text());
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto(`/traces/${answer.headers.get("x-slipway-trace")}`);
    const attempts = page.getByRole("treeitem", { name: /^chat m at / });
    await becomes(() => attempts.locator(".waterfall-label").allTextContents(), ["chat m prose", "chat m prose", "chat m careful"]);
    await page.getByText("1 round", { exact: true }).waitFor();
    await page.getByText("not kept here").waitFor();
    await attempts.first().click();
    await page.getByTitle(/^An attempt that may have cost something/).getByText("failed-over").waitFor();
    watched.assertQuiet();
    await watched.close();
  });
});
