import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import type { Browser, Locator } from "playwright-core";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { becomes, cutOff, openBrowser, openPage, overflow } from "./open-browser.ts";

describe("the gateway in the console", () => {
  let server: RunningServer;
  let browser: Browser;
  const send = async (method: string, path: string, body: unknown): Promise<void> => {
    const response = await fetch(server.url + path, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    assert.ok(response.ok, await response.text());
  };
  before(async () => {
    [server, browser] = await Promise.all([startServer({ environment: { SLIPWAY_EGRESS_ALLOWED: "127.0.0.1" } }), openBrowser()]);
    // Echo is free, and nothing that is free moves a sum.
    await send("POST", "/api/prices", { provider: "echo", model: "echo", rates: { input: 100_000, output: 100_000 } });
  });
  after(async () => {
    await server.stop();
  });

  it("takes a route, answers from it beside another model, and says what that cost", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/gateway");
    await page.getByRole("heading", { name: "No routes yet" }).waitFor();
    await page.getByRole("link", { name: "playground", exact: true }).click();
    await becomes(() => page.getByLabel("First route or model").inputValue(), "echo/echo");
    await page.goBack();
    await page.getByRole("button", { name: "Add a route" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("support");
    await dialog.getByRole("button", { name: "Add a target" }).click();
    await dialog.getByLabel("Target 2: model").fill("spare");
    await dialog.getByLabel("Target 2: priority").fill("1");
    await dialog.getByLabel("Personal data (PII)").selectOption("redact");
    await dialog.getByLabel("Cache").selectOption("on");
    await dialog.getByLabel("Seconds in the cache").fill("60");
    await dialog.getByLabel("Dollars a day").fill("-1");
    await dialog.getByText("A number above 0.").waitFor();
    await dialog.getByLabel("Dollars a day").fill("1000");
    await dialog.getByLabel("System prompt").fill("Be brief.");
    await dialog.getByLabel("Seconds for a call").fill("0");
    await dialog.getByText("A number from 0.001 to 3600.").waitFor();
    await dialog.getByLabel("Seconds for a call").fill("30");
    await dialog.getByRole("button", { name: "JSON" }).click();
    assert.match(await dialog.getByLabel("Settings").inputValue(), /"deadlineMs": 30000[^]*"systemPrompt": "Be brief\."/);
    assert.match(await dialog.getByLabel("Settings").inputValue(), /"ttlSeconds": 60/);
    await dialog.getByRole("button", { name: "Form" }).click();
    await dialog.getByLabel("Why").fill("the first one");
    await dialog.getByRole("button", { name: "Add the route" }).click();
    const row = page.getByRole("row", { name: /support/ });
    await row.getByText("$1,000.00 a day").waitFor();
    await row.getByText("fallback 1").waitFor();

    await row.getByRole("link", { name: "support", exact: true }).click();
    await page.getByLabel("Second route or model").fill("echo/none-such");
    await page.getByLabel("User").fill("write to ann@example.com");
    await page.getByRole("button", { name: "Ask both" }).click();
    await page.getByRole("log", { name: "First answer" }).getByText("write to").waitFor();
    await page.getByRole("log", { name: "Second answer" }).getByText("write to ann@example.com").waitFor();
    assert.doesNotMatch((await page.getByRole("log", { name: "First answer" }).textContent())!, /ann@example/);
    const first = page.getByRole("region", { name: "support" });
    await first.getByText("answered by echo/echo").waitFor();
    // Its cost comes from the ledger, after the answer.
    const cost = (await first.getByText(/^\$\d*\.\d+$/).textContent())!;
    await page.getByRole("button", { name: "Ask both" }).click();
    await first.getByText("cache: hit").waitFor();
    assert.match((await first.getByRole("link", { name: "Trace" }).getAttribute("href"))!, /^\/traces\/[0-9a-f]{32}$/);

    await page.goto("/gateway");
    await row.getByText("answers").waitFor();
    await row.getByText("50%", { exact: true }).waitFor();
    // One answer from the cache saved what the call that it is of cost.
    await row.getByText(`${cost} saved`, { exact: true }).waitFor();
    assert.equal(await page.getByLabel("The last 24 hours").getByTitle(/^1 answer from the cache .* when they were made$/).textContent(), cost);
    await row.getByRole("button", { name: "Revisions of support" }).click();
    await dialog.getByRole("region", { name: "What answered" }).getByText("the first one").waitFor();
    await dialog.getByRole("button", { name: "Close" }).click();

    await page.goto("/costs");
    await page.getByRole("img", { name: /^Spend by day/ }).waitFor();
    await page.getByRole("button", { name: "support", exact: true }).click();
    await page.waitForURL((url) => url.searchParams.get("route") === "support");
    await page.getByRole("row", { name: /cached/ }).first().waitFor();
    await page.getByText(`50% · ${cost} saved`, { exact: true }).waitFor();
    await page.getByRole("button", { name: "30 d" }).click();
    await page.getByRole("button", { name: "Model", exact: true }).click();
    await page.waitForURL((url) => url.search === "?route=support&range=30d&by=model");
    await page.reload();
    await page.getByRole("button", { name: "Drop the filter route" }).waitFor();
    await page.goBack();
    await page.waitForURL((url) => url.search === "?route=support&range=30d");
    await page.getByRole("button", { name: "30 d", pressed: true }).waitFor();
    await page.getByRole("row", { name: /support.*a day/ }).getByRole("img", { name: "0% used" }).waitFor();
    await page.getByRole("link", { name: /^Trace / }).first().waitFor();
    watched.assertQuiet();
    await watched.close();
  });

  it("tells days and hours of UTC as those, wherever its reader is", async () => {
    // In New York a day of UTC begins on the day before, in Kiritimati at two in the afternoon.
    for (const timezoneId of ["America/New_York", "Pacific/Kiritimati"]) {
      const watched = await openPage(browser, server.url, { timezoneId });
      const { page } = watched;
      await page.clock.setFixedTime(new Date("2026-03-04T20:30:00Z"));
      for (const [range, by, told] of [["7d", "day", /^4 Mar: spend/], ["1d", "hour", /^4 Mar 20:00 UTC: spend/]] as const) {
        await page.goto(`/costs?range=${range}`);
        await page.getByRole("img", { name: new RegExp(`^Spend by ${by}`) }).press("End");
        await page.getByText(told).waitFor({ state: "attached" });
      }
      await watched.close();
    }
  });

  it("takes a provider whose secret is never shown, and says how the test of it went", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/gateway/providers?add=1");
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("acme");
    await dialog.getByLabel("Base URL").fill("http://169.254.169.254/v1");
    await dialog.getByLabel("Key", { exact: true }).fill("sk-very-secret");
    await dialog.getByRole("button", { name: "Add the provider" }).click();
    await dialog.getByRole("alert").getByText("EGRESS_REFUSED").waitFor();
    await dialog.getByLabel("Base URL").fill("");
    await dialog.getByRole("button", { name: "Add the provider" }).click();
    const row = page.getByRole("row", { name: /acme/ });
    await row.getByText("kept here, sealed").waitFor();
    await row.getByRole("button", { name: "Change acme" }).click();
    assert.equal(await dialog.getByLabel("Secret from").inputValue(), "keep");
    assert.doesNotMatch(await page.content(), /sk-very-secret/);
    // In which way it serves calls by default, which budgets reserve by; kinds of which it may not be so have no field for it.
    await dialog.getByLabel("Default tier").fill("priority");
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.waitFor({ state: "detached" });
    await row.getByText("default tier priority").waitFor();
    await row.getByRole("button", { name: "Change acme" }).click();
    await becomes(() => dialog.getByLabel("Default tier").inputValue(), "priority");
    await dialog.getByLabel("Default tier").fill("");
    await dialog.getByLabel("Kind").selectOption("gemini");
    assert.equal(await dialog.getByLabel("Default tier").count(), 0);
    await dialog.getByLabel("Kind").selectOption("openai");
    // What the server says of what it saved is said: the calls of this one fail.
    await dialog.getByLabel("Secret from").selectOption("environment");
    await dialog.getByLabel("Name of the variable").fill("SLIPWAY_PROVIDER_NOT_THERE");
    await dialog.getByRole("button", { name: "Save" }).click();
    await page.getByRole("dialog", { name: "acme is saved" }).getByText("the server has no environment variable SLIPWAY_PROVIDER_NOT_THERE. Its calls fail until it is there.").waitFor();
    await dialog.getByRole("button", { name: "Close" }).click();
    await page.getByRole("row", { name: /^echo/ }).getByRole("button", { name: "Test echo" }).click();
    await page.getByRole("row", { name: /^echo/ }).getByRole("status").getByText(/1 model\b/).waitFor();
    await row.getByRole("button", { name: "Remove acme" }).click();
    await dialog.getByRole("button", { name: "Remove" }).click();
    await row.waitFor({ state: "detached" });
    // The refusal of the address is an answer with a status that the browser notes.
    watched.assertQuiet(/status of 4\d\d/);
    await watched.close();
  });

  it("finds routes among many, by words that stand in the address", async () => {
    const names = ["alpha", "bravo", "charlie", "delta", "echoes", "foxtrot", "golf", "hotel"];
    for (const name of names) await send("PUT", `/api/gateway/routes/${name}`, { revision: 0, settings: { targets: [{ provider: "echo", model: name === "golf" ? "birdie" : "echo" }] } });
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/gateway");
    const links = page.getByRole("table").getByRole("link", { name: /^(alpha|bravo|golf|support)$/ });
    await becomes(() => links.allTextContents(), ["alpha", "bravo", "golf", "support"]);
    await page.getByLabel("Filter routes").fill("Birdie default");
    await becomes(() => links.allTextContents(), ["golf"]);
    await page.reload();
    await becomes(() => links.allTextContents(), ["golf"]);
    await page.getByLabel("Filter routes").fill("nothing of this kind");
    await page.getByText("No route matches").waitFor();
    await page.getByRole("button", { name: "Show all" }).click();
    await becomes(() => links.allTextContents(), ["alpha", "bravo", "golf", "support"]);
    for (const name of names) await send("DELETE", `/api/gateway/routes/${name}`, undefined);
    watched.assertQuiet();
    await watched.close();
  });

  it("takes a scripted provider, which answers without a key or a network", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/gateway/providers?add=1");
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("demo");
    await dialog.getByLabel("Kind").selectOption("scripted");
    assert.deepEqual(await Promise.all(["Base URL", "Secret from", "Headers"].map((label) => dialog.getByLabel(label).count())), [0, 0, 0]);
    await dialog.getByLabel("Answers").fill('Sent on **Tuesday**.\n{"status": 500, "error": "overloaded"}');
    await dialog.getByRole("button", { name: "Add the provider" }).click();
    await dialog.waitFor({ state: "detached" });
    await page.goto("/gateway/playground?a=demo/any&b=echo/echo");
    await page.getByLabel("User").fill("Where is my refund?");
    await page.getByRole("button", { name: "Ask both" }).click();
    await page.getByRole("log", { name: "First answer" }).locator("strong").getByText("Tuesday").waitFor();
    await page.goto("/gateway/providers");
    await page.getByRole("button", { name: "Change demo" }).click();
    assert.equal(await dialog.getByLabel("Answers").inputValue(), 'Sent on **Tuesday**.\n{"status":500,"delayMs":0,"error":"overloaded"}');
    await send("DELETE", "/api/gateway/providers/demo", undefined);
    watched.assertQuiet();
    await watched.close();
  });

  it("keeps what is typed while somebody else saves the same route, refuses to write over it, and closes by no selection that ends outside", async () => {
    await send("PUT", "/api/gateway/routes/shared", { revision: 0, settings: { targets: [{ provider: "echo", model: "echo" }] } });
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/gateway");
    await page.getByRole("button", { name: "Change shared" }).click();
    const dialog = page.getByRole("dialog");
    const prompt = dialog.getByLabel("System prompt");
    await prompt.fill("Mine.");
    const box = (await prompt.boundingBox())!;
    await page.mouse.move(box.x + 30, box.y + 10);
    await page.mouse.down();
    await page.mouse.move(5, box.y + 10);
    await page.mouse.up();
    await send("PUT", "/api/gateway/routes/shared", { revision: 1, settings: { targets: [{ provider: "echo", model: "echo" }], systemPrompt: "Theirs." } });
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.getByText("Nothing was saved: revision 2 was saved meanwhile").waitFor();
    assert.equal(await prompt.inputValue(), "Mine.");
    await dialog.getByRole("button", { name: "load revision 2" }).click();
    await becomes(() => prompt.inputValue(), "Theirs.");
    await prompt.fill("Both.");
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Change shared" }).click();
    await dialog.getByText("Revision 3.").waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    watched.assertQuiet(/status of 409/);
    await watched.close();
  });

  it("says what a provider's failure said without pushing the table out of view", async () => {
    const refusal = `Incorrect API key provided. ${"You can find your API key at https://provider.example/account/api-keys. ".repeat(4)}`;
    const provider = createServer((_request, response) => response.writeHead(401, { "Content-Type": "application/json" }).end(JSON.stringify({ error: { message: refusal } })));
    await new Promise<void>((resolve) => provider.listen(0, "127.0.0.1", resolve));
    await send("PUT", "/api/gateway/providers/acme", { revision: 0, settings: { kind: "compatible", baseUrl: `http://127.0.0.1:${(provider.address() as AddressInfo).port}/v1` }, secret: { from: "value", value: "sk-very-secret" } });
    for (const width of [1280, 390]) {
      const watched = await openPage(browser, server.url, { viewport: { width, height: 800 } });
      const { page } = watched;
      await page.goto("/gateway/providers");
      const row = page.getByRole("row", { name: /acme/ });
      await row.getByRole("button", { name: "Test acme" }).click();
      await row.getByRole("status").getByText("does not answer").waitFor();
      await row.getByRole("status").getByText(/Incorrect API key provided/).waitFor();
      assert.deepEqual(await overflow(page), []);
      const boxOf = async (part: Locator) => (await part.boundingBox())!;
      const [secret, button] = [await boxOf(row.getByText("kept here, sealed")), await boxOf(row.getByRole("button", { name: "Test acme" }))];
      assert.ok(secret.x >= 0 && button.x + button.width <= width, JSON.stringify([secret, button]));
      // Beside each other or one below the other, never one over the other.
      assert.ok(secret.x + secret.width <= button.x || secret.y + secret.height <= button.y, JSON.stringify([secret, button]));
      watched.assertQuiet();
      await watched.close();
    }
    provider.close();
    await send("DELETE", "/api/gateway/providers/acme", undefined);
  });

  it("fits on a phone", async () => {
    const watched = await openPage(browser, server.url, { viewport: { width: 390, height: 800 } });
    const { page } = watched;
    for (const [path, shows] of [["/gateway", "support"], ["/gateway?add=1", "Add the route"], ["/gateway/playground", "Ask both"], ["/gateway/providers", "built in"], ["/gateway/keys", "No keys yet"], ["/gateway/health", "echo/echo"], ["/costs", "Newest calls"]] as const) {
      await page.goto(path);
      await page.getByText(shows).filter({ visible: true }).first().waitFor();
      assert.deepEqual(await overflow(page), [], path);
    }
    // The longest of the notes, which comes after the others.
    await page.getByLabel("Sums").getByText(/% · \$\S+ saved$/).waitFor();
    assert.deepEqual(await cutOff(page, ".figure-value, .figure-note"), []);
    watched.assertQuiet();
    await watched.close();
  });

  it("shows the whole table of routes on a usual screen, its buttons too", async () => {
    const model = "a-model-with-a-long-name:70b-instruct-q8";
    await send("POST", "/api/prices", { provider: "echo", model, rates: { input: 3, output: 15 } });
    await send("PUT", "/api/gateway/routes/searching-the-knowledge-base", { revision: 0, settings: { targets: [{ provider: "echo", model }], cache: { ttlSeconds: 60 }, guardrails: [{ kind: "patterns", name: "names-of-projects", patterns: ["apollo"] }], budget: { day: 5, month: 100 } } });
    for (const content of ["hello", "hello"]) await send("POST", "/v1/chat/completions", { model: "searching-the-knowledge-base", messages: [{ role: "user", content }] });
    const watched = await openPage(browser, server.url, { viewport: { width: 1300, height: 800 } });
    const { page } = watched;
    await page.goto("/gateway");
    await page.getByRole("button", { name: "Remove searching-the-knowledge-base" }).waitFor();
    await page.getByRole("row", { name: /searching/ }).getByText(/^\$0\.0000\d+ saved$/).waitFor();
    assert.deepEqual(await cutOff(page, ".panel-table"), []);
    await send("DELETE", "/api/gateway/routes/searching-the-knowledge-base", undefined);
    watched.assertQuiet();
    await watched.close();
  });
});
