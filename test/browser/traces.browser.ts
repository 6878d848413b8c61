import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { becomes, cutOff, holds, loaded, openBrowser, openPage, overflow } from "./open-browser.ts";

const agentTrace = "0af7651916cd43dd8448eb211c80319c";
const longTrace = "1af7651916cd43dd8448eb211c80319c";
const startMs = Date.now() - 5000;

type Value = string | number | boolean;

interface SentSpan {
  trace?: string;
  id: number;
  parent?: number;
  name: string;
  at: number;
  took: number;
  kind?: number;
  attributes?: Record<string, Value>;
  error?: string;
  events?: object[];
}

const hex = (id: number): string => id.toString(16).padStart(16, "0");
const attributesOf = (values: Record<string, Value>): object[] => Object.entries(values).map(([key, value]) => ({ key, value: typeof value === "string" ? { stringValue: value } : typeof value === "boolean" ? { boolValue: value } : Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value } }));

/** Sends spans as a program's exporter does. */
async function sendSpans(url: string, spans: readonly SentSpan[]): Promise<void> {
  const nanoseconds = (at: number): string => `${startMs + at}000000`;
  const body = { resourceSpans: [{
    resource: { attributes: attributesOf({ "service.name": "support-desk", "deployment.environment": "staging" }) },
    scopeSpans: [{ scope: { name: "desk", version: "1.2" }, spans: spans.map(({ trace = agentTrace, id, parent, name, at, took, kind = 1, attributes = {}, error, events = [] }) => ({
      traceId: trace, spanId: hex(id), ...(parent === undefined ? {} : { parentSpanId: hex(parent) }), name, kind, startTimeUnixNano: nanoseconds(at), endTimeUnixNano: nanoseconds(at + took),
      attributes: attributesOf(attributes), status: error === undefined ? { code: 1 } : { code: 2, message: error }, events,
    })) }],
  }] };
  const response = await fetch(`${url}/v1/traces`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  assert.equal(response.status, 200, await response.text());
}

const json = JSON.stringify;
const text = (content: string): object => ({ type: "text", content });
const question = { role: "user", parts: [text("Where is my refund for order 1187?"), { type: "uri", modality: "image", uri: "https://shop.example/receipt.png" }] };

/** An agent that thinks, asks a tool that fails once, and answers. */
const agentSpans: SentSpan[] = [
  { id: 2, parent: 1, name: "chat gpt-5-mini", at: 20, took: 900, kind: 3, attributes: {
    "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-5-mini", "gen_ai.usage.input_tokens": 412, "gen_ai.usage.output_tokens": 38, "gen_ai.usage.cost": 0.0123,
    "gen_ai.input.messages": json([{ role: "system", parts: [text("You help customers of a shop.")] }, question]),
    "gen_ai.output.messages": json([{ role: "assistant", parts: [{ type: "reasoning", content: "The order must be looked up first." }, { type: "tool_call", id: "call_1", name: "find_order", arguments: { order: 1187 } }], finish_reason: "tool_calls" }]),
  } },
  { id: 3, parent: 1, name: "execute_tool find_order", at: 930, took: 310, error: "The order service did not answer", attributes: { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "find_order", "gen_ai.tool.call.arguments": '{"order":1187}' },
    events: [{ timeUnixNano: `${startMs + 1200}000000`, name: "exception", attributes: attributesOf({ "exception.type": "TimeoutError", "exception.message": "no answer in 300 ms", "exception.stacktrace": "TimeoutError: no answer\n  at findOrder" }) }] },
  { id: 4, parent: 3, name: "GET /orders/1187", at: 940, took: 290, kind: 3, attributes: { "http.request.method": "GET" } },
  { id: 5, parent: 1, name: "chat gpt-5-mini", at: 1250, took: 700, kind: 3, attributes: {
    "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-5-mini", "gen_ai.usage.input_tokens": 470, "gen_ai.usage.output_tokens": 21, "gen_ai.usage.cost": 0.0098,
    "gen_ai.input.messages": json([question, { role: "assistant", parts: [{ type: "tool_call", id: "call_1", name: "find_order", arguments: { order: 1187 } }] }, { role: "tool", parts: [{ type: "tool_call_response", id: "call_1", response: { error: "timeout" } }] }]),
    "gen_ai.output.messages": json([{ role: "assistant", parts: [text("I cannot reach the order service right now.")], finish_reason: "stop" }]),
  } },
];
const agentRoot: SentSpan = { id: 1, name: "invoke_agent support", at: 0, took: 2000, attributes: { "gen_ai.operation.name": "invoke_agent", "session.id": "chat-42", "user.id": "ann", "input.value": "Where is my refund for order 1187?", "output.value": "I cannot reach the order service right now." } };
const longSpans = Array.from({ length: 1500 }, (_, index): SentSpan => ({ trace: longTrace, id: 100 + index, ...(index === 0 ? {} : { parent: 100 + Math.floor((index - 1) / 10) }), name: `step ${index}`, at: index, took: 1600 - index }));

describe("traces in the console", () => {
  let server: RunningServer;
  let browser: Browser;
  before(async () => {
    [server, browser] = await Promise.all([startServer(), openBrowser()]);
  });
  after(async () => {
    await server.stop();
  });

  it("says how to send the first one, and shows it as soon as it is there", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/traces");
    await page.getByText(`OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=${server.url}/v1/traces`).waitFor();
    await page.getByRole("button", { name: "LangSmith" }).click();
    await page.getByText(`LANGSMITH_ENDPOINT=${server.url}/langsmith`).waitFor();
    const answer = await fetch(`${server.url}/v1/chat/completions`, { method: "POST", headers: { "content-type": "application/json" }, body: json({ model: "echo", user: "ann", messages: [{ role: "user", content: "hello traces" }] }) });
    assert.equal(answer.status, 200);
    await page.getByRole("link", { name: "Trace chat echo/echo" }).click();
    await page.getByRole("tree", { name: "Spans" }).getByRole("treeitem", { name: /^chat echo\/echo/ }).waitFor();
    await page.locator(".message-user").getByText("hello traces").waitFor();
    await page.locator(".message-assistant").getByText("hello traces").waitFor();
    await page.getByText("1 call in the ledger").waitFor({ state: "visible" });
    watched.assertQuiet();
    await watched.close();
  });

  it("keeps a child whose parent comes late, then shows the tree with messages, exceptions and attributes", async () => {
    await sendSpans(server.url, agentSpans);
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto(`/traces/${agentTrace}`);
    await page.getByText("no parent").first().waitFor();
    await sendSpans(server.url, [agentRoot]);
    await page.getByRole("treeitem", { name: /^invoke_agent support/ }).waitFor();
    await becomes(() => page.getByText("no parent").count(), 0);
    const item = (name: RegExp) => page.getByRole("treeitem", { name });
    await item(/^chat gpt-5-mini, 900 ms/).click();
    await page.waitForURL(/span=0000000000000002/);
    await page.getByText("https://shop.example/receipt.png").waitFor();
    await page.getByText("call_1").first().waitFor();
    await page.getByText("Reasoning").click();
    await page.getByText("The order must be looked up first.").waitFor();
    await page.getByText("412 in, 38 out").waitFor();
    await item(/^execute_tool find_order, .*failed/).click();
    await page.getByText("The order service did not answer").waitFor();
    await page.getByRole("button", { name: "Events (1)" }).click();
    await page.getByText("no answer in 300 ms").waitFor();
    await page.getByRole("button", { name: "Attributes" }).click();
    await page.getByText("deployment.environment").waitFor();
    await page.getByRole("tree").focus();
    await page.keyboard.press("ArrowLeft");
    await becomes(() => item(/^GET \/orders/).count(), 0);
    await page.keyboard.press("ArrowLeft");
    await page.waitForURL(/span=0000000000000001/);
    watched.assertQuiet();
    await watched.close();
  });

  it("draws the Markdown of messages, loads and runs nothing of it, and shows it as it was written", async () => {
    const markdown = '## Refund\n\n- **sent** by `bank`\n\n[help](https://example.org/help) [not](javascript:alert(1)) ![pixel](https://example.org/pixel.png) <img src=x onerror=alert(1)>';
    const answer = await fetch(`${server.url}/v1/chat/completions`, { method: "POST", headers: { "content-type": "application/json" }, body: json({ model: "echo", messages: [{ role: "user", content: markdown }] }) });
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto(`/traces/${answer.headers.get("x-slipway-trace")!}`);
    const said = page.locator(".message-assistant");
    await said.getByRole("heading", { name: "Refund" }).waitFor();
    assert.equal(await said.getByRole("listitem").locator("strong").innerText(), "sent");
    assert.equal(await said.locator("li code").innerText(), "bank");
    const links = await said.getByRole("link").all();
    assert.deepEqual(await Promise.all(links.map((link) => Promise.all(["href", "target", "rel"].map((name) => link.getAttribute(name))))), [["https://example.org/help", "_blank", "noreferrer noopener nofollow"]]);
    assert.equal(await page.locator(".messages img").count(), 0);
    await said.getByText("![pixel](https://example.org/pixel.png) <img src=x onerror=alert(1)>").waitFor();
    await page.getByRole("button", { name: "Show as written" }).last().click();
    assert.equal(await said.locator("pre").innerText(), markdown);
    await page.locator(".message-user").getByRole("heading", { name: "Refund" }).waitFor();
    await page.getByRole("button", { name: "Show formatted" }).click();
    await said.getByRole("heading", { name: "Refund" }).waitFor();
    watched.assertQuiet();
    await watched.close();
  });

  it("leads back to the search that was left, with its filters and at its row", async () => {
    await sendSpans(server.url, Array.from({ length: 40 }, (_, index): SentSpan => ({ trace: (index + 1).toString(16).padStart(32, "b"), id: 5000 + index, name: `bulk ${index}`, at: index, took: 10, attributes: { "session.id": "bulk" } })));
    const watched = await openPage(browser, server.url, { viewport: { width: 1280, height: 500 } });
    const { page } = watched;
    const way = { "the link": () => page.getByRole("navigation", { name: "Breadcrumb" }).getByRole("link", { name: "Traces" }).click(), "the browser's Back": () => page.goBack().then(() => undefined) };
    for (const [name, goBack] of Object.entries(way)) {
      await page.goto("/traces?session=bulk");
      const row = page.getByRole("link", { name: "Trace bulk 7", exact: true });
      await row.scrollIntoViewIfNeeded();
      await holds(page, "scrollY > 600");
      const place = await page.evaluate<number>("new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve(scrollY))))");
      await row.click();
      await page.getByRole("heading", { level: 1, name: "bulk 7" }).waitFor();
      await holds(page, "scrollY === 0");
      await goBack();
      await row.waitFor();
      assert.equal(new URL(page.url()).search, "?session=bulk", name);
      await becomes(() => page.evaluate<number>("scrollY"), place);
    }
    watched.assertQuiet();
    await watched.close();
  });

  it("takes feedback on the trace and a span, and makes the trace a row of a dataset", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto(`/traces/${agentTrace}?span=${hex(5)}`);
    const panel = page.getByRole("region", { name: "Feedback" });
    await panel.getByLabel("Comment").fill("polite, but no help");
    await panel.getByRole("button", { name: "No" }).click();
    await panel.getByText("polite, but no help").waitFor();
    await panel.getByRole("button", { name: "Score" }).click();
    await panel.getByLabel("Score", { exact: true }).fill("0.4");
    await panel.getByLabel("On").selectOption("span");
    await panel.getByRole("button", { name: "Add feedback" }).click();
    await panel.locator("li").filter({ hasText: "score" }).getByRole("button", { name: "chat gpt-5-mini" }).waitFor();
    await page.getByRole("button", { name: "Add to dataset" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Dataset").fill("golden");
    await dialog.getByRole("button", { name: "Add the row" }).click();
    await dialog.getByText("version 1, which has 1 row").waitFor();
    await dialog.getByRole("button", { name: "Close" }).click();
    await page.getByRole("button", { name: "Add to dataset" }).click();
    await dialog.getByLabel("Dataset").fill("golden");
    await dialog.getByRole("button", { name: "Add the row" }).click();
    await dialog.getByText("golden, version 1, has a row of this trace.").waitFor();
    await dialog.getByRole("button", { name: "Add it once more" }).click();
    await dialog.getByText("version 2, which has 2 rows").waitFor();
    await dialog.getByRole("link", { name: "golden" }).click();
    await page.waitForURL(/\/datasets\/golden$/);
    await page.getByText("trace_id").first().waitFor();
    watched.assertQuiet();
    await watched.close();
  });

  it("finds traces by what the address says, and shows a session as a conversation", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    const found = page.getByRole("link", { name: /^Trace / });
    await page.goto("/traces?status=error&range=1h");
    await becomes(() => found.allTextContents(), ["invoke_agent support"]);
    await page.goto("/traces");
    await page.getByRole("button", { name: "More filters" }).click();
    await page.getByLabel("Attributes").fill("gen_ai.tool.name=find_order");
    await page.keyboard.press("Enter");
    await page.waitForURL(/attributes=gen_ai/);
    await becomes(() => found.allTextContents(), ["invoke_agent support"]);
    await page.getByLabel("Slower than").fill("soon");
    await page.keyboard.press("Enter");
    await page.getByText("such as 250 ms, 2s or 1 min").waitFor();
    await page.getByLabel("Slower than").fill("1 min");
    await page.keyboard.press("Enter");
    await page.getByText("No trace matches").waitFor();

    // What is searched for, its order and its time are the address: back and forward, a reload and a link that is sent on show the same.
    await page.goto("/traces");
    await page.getByLabel("Text").fill("order service");
    await page.keyboard.press("Enter");
    await page.waitForURL((url) => url.searchParams.get("q") === "order service");
    await page.getByLabel("First").selectOption("slowest");
    await page.getByLabel("Time").selectOption("the last hour");
    await page.waitForURL((url) => url.search === "?q=order+service&order=duration&range=1h");
    await becomes(() => found.allTextContents(), ["invoke_agent support"]);
    await found.click();
    await page.waitForURL((url) => url.pathname === `/traces/${agentTrace}`);
    await page.goBack();
    await becomes(() => found.allTextContents(), ["invoke_agent support"]);
    await page.reload();
    await becomes(() => found.allTextContents(), ["invoke_agent support"]);
    assert.deepEqual(await Promise.all([page.getByLabel("Text").inputValue(), page.getByLabel("First").inputValue(), page.getByLabel("Time").inputValue()]), ["order service", "duration", "1h"]);
    await page.goBack();
    await page.waitForURL((url) => url.search === "?q=order+service&order=duration");
    await becomes(() => page.getByLabel("Time").inputValue(), "");
    await page.goForward();
    await becomes(() => page.getByLabel("Time").inputValue(), "1h");
    await page.getByRole("tab", { name: "Sessions" }).click();
    await page.getByRole("link", { name: "Session chat-42" }).click();
    await page.waitForURL(/of=chat-42/);
    await page.locator(".turn").getByText("Where is my refund for order 1187?").waitFor();
    watched.assertQuiet();
    await watched.close();
  });

  it("says how far a search for a text looked where there is much to look through, and goes on from there", async () => {
    const many = Array.from({ length: 30_001 }, (_, index): SentSpan => ({ trace: "2af7651916cd43dd8448eb211c80319c", id: 10_000 + index, ...(index === 0 ? {} : { parent: 10_000 }), name: "many", at: 60_000, took: 1 }));
    await sendSpans(server.url, many);
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/traces?q=order+service");
    await page.getByText("Nothing found so far. Searched back to").waitFor();
    assert.equal(await page.getByText("No trace matches").count(), 0);
    await page.getByRole("link", { name: "Go on" }).click();
    await becomes(() => page.getByRole("link", { name: /^Trace / }).allTextContents(), ["invoke_agent support"]);
    assert.equal(await page.getByRole("link", { name: "Go on" }).count(), 0);
    watched.assertQuiet();
    await watched.close();
  });

  it("draws only what is in view of a long trace, and fits a phone", async () => {
    await sendSpans(server.url, longSpans);
    const watched = await openPage(browser, server.url, { viewport: { width: 390, height: 844 } });
    const { page } = watched;
    await page.goto(`/traces/${longTrace}`);
    await page.getByRole("treeitem", { name: /^step 0,/ }).waitFor();
    assert.ok((await page.getByRole("treeitem").count()) < 100);
    await page.getByRole("tree").focus();
    await page.keyboard.press("End");
    await page.getByRole("treeitem", { selected: true, name: /^step 1110,/ }).waitFor();
    for (const path of [`/traces/${longTrace}`, `/traces/${agentTrace}?span=${hex(2)}`, "/traces", "/traces?tab=sessions", "/traces?tab=sessions&of=chat-42"]) {
      await page.goto(path);
      await loaded(page);
      await holds(page, "document.querySelector('.panel') !== null");
      assert.deepEqual(await overflow(page), [], path);
    }
    await page.goto(`/traces/${agentTrace}`);
    await page.getByText(/^\d calls in the ledger$/).waitFor();
    assert.deepEqual(await cutOff(page, ".figure-value, .figure-note"), []);
    watched.assertQuiet();
    await watched.close();
  });
});
