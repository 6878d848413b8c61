import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser, Page } from "playwright-core";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { becomes, openBrowser, openPage, overflow } from "./open-browser.ts";

/** A server that asks for keys, and the set-up token that it wrote to its log. */
async function startKeyServer(): Promise<{ server: RunningServer; token: string }> {
  const server = await startServer({ flags: ["--access", "keys"] });
  for (;;) {
    const token = /\bsst_[\w-]+/.exec(server.logLines.join("\n"))?.[0];
    if (token !== undefined) return { server, token };
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function signIn(page: Page, key: string): Promise<void> {
  await page.getByLabel("API key").fill(key);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

describe("a server that asks for keys", () => {
  let server: RunningServer;
  let browser: Browser;
  let adminKey: string;
  let token: string;
  const asAdmin = async <Answer>(method: string, path: string, body?: unknown): Promise<Answer> => {
    const headers = { Authorization: `Bearer ${adminKey}`, "Content-Type": "application/json" };
    const response = await fetch(server.url + path, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
    return (await response.json()) as Answer;
  };
  before(async () => {
    [{ server, token }, browser] = await Promise.all([startKeyServer(), openBrowser()]);
  });
  after(async () => {
    await server.stop();
  });

  it("lets its first admin in by the token of its log, and shows their key once", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/");
    await page.getByRole("heading", { name: "Set this server up" }).waitFor();
    await page.getByLabel("Set-up token").fill("sst_wrong");
    await page.getByLabel("Your name").fill("Ada");
    await page.getByRole("button", { name: "Make the admin key" }).click();
    await page.getByText("SETUP_TOKEN_INVALID").waitFor();
    watched.assertQuiet(/status of 401/);

    await page.getByLabel("Set-up token").fill(token);
    await page.getByRole("button", { name: "Make the admin key" }).click();
    await page.getByRole("heading", { name: "You are the admin" }).waitFor();
    adminKey = (await page.getByRole("region", { name: "key" }).textContent())!;
    assert.match(adminKey, /^slk_/);
    await page.getByRole("button", { name: "I have kept it: sign in" }).click();
    await page.getByRole("heading", { name: "No models yet" }).waitFor();
    await page.getByRole("region", { name: "Session" }).getByText("Ada").waitFor();
    await page.getByText("live", { exact: true }).waitFor();
    watched.assertQuiet();
    await watched.close();
  });

  it("refuses a wrong key, and leads back to the page that was asked for with a right one", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/settings/audit?action=signIn");
    await page.getByRole("heading", { name: "Sign in to Slipway" }).waitFor();
    assert.equal(await page.getByLabel("API key").getAttribute("type"), "password");
    await signIn(page, `${adminKey.slice(0, -4)}0000`);
    await page.getByText("UNAUTHENTICATED").waitFor();
    watched.assertQuiet(/status of 401/);
    await signIn(page, ` ${adminKey}\n`);
    await page.waitForURL((url) => url.pathname === "/settings/audit" && url.search === "?action=signIn");
    await page.getByRole("table").getByText("signIn").first().waitFor();
    assert.equal(await page.evaluate("document.cookie"), "");
    watched.assertQuiet();

    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in to Slipway" }).waitFor();
    assert.match(page.url(), /\/sign-in\?returnTo=/);
    assert.equal(await page.getByText("signIn").count(), 0);
    await watched.close();
  });

  it("says in words what an identity provider's refusal means", async () => {
    const watched = await openPage(browser, server.url, { viewport: { width: 390, height: 800 } });
    await watched.page.goto("/sign-in?error=SIGN_IN_FAILED");
    await watched.page.getByRole("alert").getByText("did not vouch for you").waitFor();
    assert.deepEqual(await overflow(watched.page), []);
    await watched.page.goto("/sign-in?error=%3Cb%3Eyour%20account%20is%20locked");
    await watched.page.getByRole("heading", { name: "Sign in to Slipway" }).waitFor();
    assert.equal(await watched.page.getByRole("alert").count(), 0);
    watched.assertQuiet();
    await watched.close();
  });

  it("makes a key, shows it once, and revokes it", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/settings/keys");
    await signIn(page, adminKey);
    await page.getByRole("button", { name: "Make a key" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Make the key" }).click();
    await dialog.getByText("Say who or what uses it.").waitFor();
    await dialog.getByLabel("Name").fill("checkout");
    await dialog.getByLabel("Role").selectOption("contributor");
    await dialog.getByLabel("Team").selectOption("default");
    await dialog.getByRole("button", { name: "Make the key" }).click();
    const key = (await dialog.getByRole("region", { name: "key" }).textContent())!;
    await dialog.getByRole("button", { name: "TypeScript" }).click();
    assert.ok((await dialog.getByRole("region", { name: "TypeScript" }).textContent())!.includes(`apiKey: "${key}"`));
    // Neither Escape nor a click beside it may lose the only sight of the key.
    await page.keyboard.press("Escape");
    await page.mouse.click(5, 5);
    await dialog.getByRole("button", { name: "I have kept it" }).click();
    await dialog.waitFor({ state: "detached" });
    assert.equal((await page.content()).includes(key), false);
    const works = (): Promise<number> => fetch(`${server.url}/api/models`, { headers: { Authorization: `Bearer ${key}` } }).then(({ status }) => status);
    assert.equal(await works(), 200);

    const row = page.getByRole("row", { name: /checkout/ });
    await row.getByText("contributor in default").waitFor();
    await row.getByRole("button", { name: "Revoke checkout" }).click();
    await dialog.getByRole("button", { name: "Revoke" }).click();
    await row.waitFor({ state: "detached" });
    assert.equal(await works(), 401);
    await page.getByRole("button", { name: "All", exact: true }).click();
    await row.getByText("revoked").waitFor();
    watched.assertQuiet();
    await watched.close();
  });

  it("makes a key for routes that are ticked or typed, with a budget, and says which names do nothing yet", async () => {
    await asAdmin("PUT", "/api/gateway/routes/support", { revision: 0, settings: { targets: [{ provider: "echo", model: "echo" }] } });
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/settings/keys?create=1");
    await signIn(page, adminKey);
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("desk");
    await dialog.getByLabel("On what").selectOption("only what is named");
    await dialog.getByRole("button", { name: "Make the key" }).click();
    await dialog.getByText("Name a model or a route, or choose everything.").waitFor();
    const routes = dialog.getByRole("group", { name: "Routes of the gateway" });
    await routes.getByLabel("support", { exact: true }).check();
    const another = routes.getByLabel("Another route, or PROVIDER/MODEL");
    await another.fill("suport, echo/*");
    await page.keyboard.press("Enter");
    await becomes(() => routes.getByLabel("suport", { exact: true }).isChecked(), true);
    await routes.getByText("There is no route suport: look whether the name is right.").waitFor();
    await routes.getByText("echo/* stands for none").waitFor();
    await routes.getByLabel("echo/*", { exact: true }).click();
    await routes.getByLabel("echo/*", { exact: true }).waitFor({ state: "detached" });
    // What was typed and not added counts too.
    await another.fill("echo/echo");
    await dialog.getByText("Limits and budget of its calls").click();
    await dialog.getByLabel("Dollars a day").fill("-5");
    await dialog.getByText("A number above 0.").waitFor();
    await dialog.getByLabel("Dollars a day").fill("5");
    await dialog.getByRole("button", { name: "Make the key" }).click();
    const key = (await dialog.getByRole("region", { name: "key" }).textContent())!;
    await dialog.getByText("It may: viewer of support, suport, echo/echo.").waitFor();
    await dialog.getByText("There is no route suport").waitFor();
    assert.match((await dialog.getByRole("region", { name: "curl" }).textContent())!, /v1\/chat\/completions[^]*"model":"support"/);
    await dialog.getByRole("button", { name: "I have kept it" }).click();
    const ask = (model: string): Promise<number> => fetch(`${server.url}/v1/chat/completions`, { method: "POST", headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" }, body: JSON.stringify({ model, messages: [{ role: "user", content: "Hello" }] }) }).then(({ status }) => status);
    assert.deepEqual([await ask("support"), await ask("echo/echo"), await ask("suport")], [200, 200, 404]);

    await page.goto("/gateway/keys");
    const row = page.getByRole("row", { name: /desk/ });
    await row.getByText("$5.00 a day").waitFor();
    await row.getByRole("button", { name: "Set limits of desk" }).click();
    await dialog.getByRole("group", { name: "Routes" }).getByLabel("support", { exact: true }).check();
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.waitFor({ state: "detached" });
    await row.getByText("support", { exact: true }).waitFor();
    assert.deepEqual([await ask("support"), await ask("echo/echo")], [200, 404]);
    watched.assertQuiet();
    await watched.close();
  });

  it("gives a key a new secret, shows it once, and says how long the one before works; names the key where it spent, also when it is revoked", async () => {
    const { id, key } = await asAdmin<{ id: string; key: string }>("POST", "/api/keys", { name: "nightly", grants: [{ role: "viewer", team: "default", routes: ["echo/echo"] }] });
    await asAdmin("POST", "/api/prices", { provider: "echo", model: "echo", rates: { input: 100_000, output: 100_000 } });
    await asAdmin("PUT", `/api/gateway/keys/${id}`, { revision: 0, settings: { budget: { day: 100 } } });
    const ask = (secret: string): Promise<number> => fetch(`${server.url}/v1/chat/completions`, { method: "POST", headers: { Authorization: `Bearer ${secret}`, "Content-Type": "application/json" }, body: JSON.stringify({ model: "echo/echo", max_tokens: 9, messages: [{ role: "user", content: "Hello" }] }) }).then(({ status }) => status);
    assert.equal(await ask(key), 200);
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/settings/keys");
    await signIn(page, adminKey);
    const dialog = page.getByRole("dialog");
    const rotate = async (grace: string | null): Promise<string> => {
      await page.getByRole("button", { name: "Rotate nightly" }).click();
      await dialog.getByRole("heading", { name: "Rotate nightly?" }).waitFor();
      if (grace !== null) await dialog.getByLabel("The present secret").selectOption(grace);
      await dialog.getByRole("button", { name: "Rotate", exact: true }).click();
      return (await dialog.getByRole("region", { name: "key" }).textContent())!;
    };
    const second = await rotate("works for an hour");
    await dialog.getByText("The one before works until").waitFor();
    await page.keyboard.press("Escape");
    await page.mouse.click(5, 5);
    await dialog.getByRole("button", { name: "I have kept it" }).click();
    await dialog.waitFor({ state: "detached" });
    assert.equal((await page.content()).includes(second), false);
    assert.deepEqual([new Set([key, second]).size, await ask(key), await ask(second)], [2, 200, 200]);
    const third = await rotate(null);
    await dialog.getByText("The one before is refused from now on.").waitFor();
    await dialog.getByRole("button", { name: "I have kept it" }).click();
    await dialog.waitFor({ state: "detached" });
    assert.deepEqual([await ask(key), await ask(second), await ask(third)], [401, 401, 200]);

    // All four calls count, whatever the secret was.
    const { callBudgets } = await asAdmin<{ callBudgets: { name: string; use: { spent: number; percent: number }[] }[] }>("GET", "/api/budgets");
    const [use] = callBudgets.find(({ name }) => name === id)!.use;
    const spent = `$${(use!.spent / 1e9).toFixed(2)}`;
    await page.goto("/gateway/keys");
    await page.getByRole("row", { name: /nightly/ }).getByText(`${spent} of $100.00 this day, ${use!.percent}%`, { exact: true }).waitFor();
    await page.goto("/costs?by=key");
    await page.getByRole("row", { name: /nightly.*a day/ }).getByText(`${spent} of $100.00`, { exact: true }).waitFor();
    await page.getByRole("region", { name: "Newest calls" }).getByTitle(`key:${id}`).first().waitFor();
    await asAdmin("DELETE", `/api/keys/${id}`);
    await page.goto("/events?type=key.*");
    await page.getByRole("row", { name: /key\.rotated/ }).getByRole("link", { name: "key nightly (revoked)" }).first().waitFor();
    assert.equal((await page.getByRole("table").textContent())!.includes(id), false);
    await page.goto("/costs?by=key");
    await page.getByRole("button", { name: "nightly (revoked)", exact: true }).click();
    await page.getByRole("button", { name: "Drop the filter key" }).getByText("nightly (revoked)").waitFor();
    watched.assertQuiet();
    await watched.close();
  });

  it("explains why a key may not be given more than its maker may", async () => {
    const { key } = await asAdmin<{ key: string }>("POST", "/api/keys", { name: "small", grants: [{ role: "contributor", team: "default" }] });
    const { page, close } = await openPage(browser, server.url);
    await page.goto("/settings/keys?create=1");
    await signIn(page, key);
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("bigger");
    await dialog.getByLabel("Role").selectOption("admin");
    await dialog.getByRole("button", { name: "Make the key" }).click();
    await dialog.getByText("You asked for admin in default, and you are contributor in default.").waitFor();
    await dialog.getByRole("button", { name: "Cancel" }).click();
    assert.equal(await page.getByRole("tab", { name: "Audit" }).count(), 0);
    await close();
  });

  it("leads to the sign-in when the session ends under the reader, and back", async () => {
    const { id, key } = await asAdmin<{ id: string; key: string }>("POST", "/api/keys", { name: "short", grants: [{ role: "viewer", team: "*" }] });
    const { page, close } = await openPage(browser, server.url);
    await page.goto("/events");
    await signIn(page, key);
    await page.getByRole("heading", { level: 1, name: "Events" }).waitFor();
    await asAdmin("DELETE", `/api/keys/${id}`);
    await page.getByRole("heading", { name: "Sign in to Slipway" }).waitFor();
    await signIn(page, adminKey);
    await page.getByRole("heading", { level: 1, name: "Events" }).waitFor();
    await page.waitForURL((url) => url.pathname === "/events");
    await close();
  });

  it("verifies the audit log, also against an earlier head", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/settings/audit?verify=1");
    await signIn(page, adminKey);
    const chain = page.getByRole("region", { name: "Chain" });
    await chain.getByRole("button", { name: "Verify" }).click();
    await chain.getByText(/Unbroken\. \d+ entries are as written\./).waitFor();
    const { head } = await asAdmin<{ head: { sequence: number; hash: string } }>("GET", "/api/audit?limit=1");
    await chain.getByLabel("Earlier head").fill(`${head.sequence}:${head.hash}`);
    await chain.getByRole("button", { name: "Verify" }).click();
    await chain.getByText(`and the earlier head at ${head.sequence} is in the chain`).waitFor();
    await chain.getByLabel("Earlier head").fill(`${head.sequence}:sha256:${"0".repeat(64)}`);
    await chain.getByRole("button", { name: "Verify" }).click();
    await chain.getByText(/Broken at/).waitFor();

    await page.getByRole("table").getByRole("button", { name: "createKey" }).first().click();
    await page.waitForURL((url) => url.searchParams.get("action") === "createKey");
    await page.getByRole("table").getByRole("button", { name: "signIn" }).first().waitFor({ state: "detached" });
    watched.assertQuiet();
    await watched.close();
  });

  it("makes a team and removes it", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/settings/teams");
    await signIn(page, adminKey);
    await page.getByRole("button", { name: "Make a team" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("fraud");
    await dialog.getByLabel("Description").fill("Payments");
    await dialog.getByRole("button", { name: "Make the team" }).click();
    await page.getByRole("button", { name: "Remove fraud" }).click();
    await dialog.getByRole("button", { name: "Remove" }).click();
    await page.getByRole("button", { name: "Remove fraud" }).waitFor({ state: "detached" });
    await page.getByText("No identity provider is set").waitFor();
    watched.assertQuiet();
    await watched.close();
  });
});
