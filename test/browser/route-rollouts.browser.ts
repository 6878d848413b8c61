import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser } from "playwright-core";
import type { GatewayRoute, RevisionOfRoute } from "../../src/gateway/index.ts";
import { betweenLooks } from "../kit/between-looks.ts";
import { linearModel } from "../kit/onnx-models.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { holds, loaded, openBrowser, openPage, overflow } from "./open-browser.ts";

describe("rollouts and A/B tests of routes in the console", () => {
  let server: RunningServer;
  let browser: Browser;
  before(async () => {
    [server, browser] = await Promise.all([startServer({ environment: { SLIPWAY_EGRESS_ALLOWED: "127.0.0.1" } }), openBrowser()]);
    await server.client.api.send("POST", "/api/prices", { provider: "echo", model: "echo", rates: { input: 100_000, output: 100_000 } });
    for (const name of ["support", "search"]) {
      const targets = [{ provider: "echo", model: "echo" }, { provider: "echo", model: "spare", priority: 1 }];
      await server.client.api.send("PUT", `/api/gateway/routes/${name}`, { revision: 0, settings: { targets, systemPrompt: "Help." } });
    }
    for (const [bias, activate] of [[0, true], [1, false]] as const) await server.client.deploy({ file: await server.file(`${bias}.onnx`, linearModel({ weights: [1, 10], bias })), name: "score", activate });
  });
  after(async () => {
    await server.stop();
  });

  it("begin with a form of what each variant tries, and end with the one that is promoted", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/gateway");
    await page.getByRole("link", { name: "A/B test of support" }).click();
    const dialog = page.getByRole("dialog", { name: "Start an A/B test of the route support" });
    await dialog.getByRole("button", { name: "Start the test" }).click();
    await dialog.getByText("This is the prompt that the route has").waitFor();
    const prompt = dialog.getByLabel("System prompt");
    await holds(page, "document.activeElement.matches('textarea[aria-invalid=true]')");
    await prompt.fill("Help in one sentence.");

    await dialog.getByRole("button", { name: "Add a variant" }).click();
    const second = dialog.getByRole("group", { name: "Variant 2" });
    await holds(page, "document.activeElement.value === 'c'");
    await page.keyboard.press("ControlOrMeta+a");
    await page.keyboard.type("small");
    await second.getByLabel("Share, in percent").fill("20");
    await second.getByLabel("What it tries").selectOption("another model");
    await second.getByLabel("Model").fill("little");
    await dialog.getByLabel("Metric").selectOption("a score of its traces");
    assert.equal(await dialog.getByLabel("Better is").inputValue(), "up");
    await dialog.getByRole("button", { name: "Start the test" }).click();
    await dialog.getByText("Which one? Give its name.").waitFor();
    await dialog.getByLabel("Metric").selectOption("cost of a call");
    await dialog.getByLabel("Difference worth finding").fill("0.3");
    await dialog.getByLabel("Why").fill("shorter answers");
    await dialog.getByRole("button", { name: "Start the test" }).click();
    await page.waitForURL((url) => url.pathname.startsWith("/rollouts/rol_"));

    await page.getByRole("heading", { name: "A/B test of the route support" }).waitFor();
    const arms = page.getByRole("region", { name: "Arms" });
    for (const arm of [/^control .*40%/, /^b .*40%/, /^small .*20%/]) await arms.getByRole("row", { name: arm }).waitFor();
    const { spec } = await server.client.abTests.report(new URL(page.url()).pathname.split("/").at(-1)!);
    assert.deepEqual([spec.metric, spec.direction, spec.effect], ["cost", "down", 0.3]);
    const { revisions } = await server.client.api.get<{ revisions: RevisionOfRoute[] }>("/api/gateway/routes/support/revisions");
    const drafts = spec.variants.map(({ version }) => revisions.find(({ revision }) => String(revision) === version)!.settings!);
    assert.deepEqual(drafts.map(({ systemPrompt, targets }) => [systemPrompt, targets.map(({ model }) => model)]), [["Help in one sentence.", ["echo", "spare"]], ["Help.", ["little", "spare"]]]);

    // What one call with a price costs is in dollars.
    await server.client.api.send("POST", "/v1/chat/completions", { model: "support", messages: [{ role: "user", content: "hello" }], user: "ann" });
    await arms.getByRole("cell", { name: /^\$\d+\.\d\d+$/ }).or(arms.getByRole("row", { name: /small .* 1 0 0/ })).first().waitFor();
    await page.getByRole("button", { name: "Promote b" }).click();
    const ask = page.getByRole("dialog");
    await ask.getByText("Revision 2 of the settings answers all calls of support").waitFor();
    await ask.getByLabel("Why").fill("as good, and cheaper");
    await ask.getByRole("button", { name: "Promote b" }).click();
    await page.getByRole("region", { name: "Standing" }).getByText(/b promoted.*cheaper/).waitFor();
    // The test has ended a moment before the route has the settings.
    const promptNow = async (): Promise<string | undefined> => (await server.client.api.get<{ routes: GatewayRoute[] }>("/api/gateway/routes")).routes.find(({ name }) => name === "support")!.settings.systemPrompt;
    while ((await promptNow()) !== "Help in one sentence.") await betweenLooks();
    watched.assertQuiet();
    await watched.close();
  });

  it("are found by their route, which leads to its own form", async () => {
    const rollout = await server.client.api.send<{ id: string }>("POST", "/api/gateway/routes/search/rollouts", { change: { systemPrompt: "Find." } });
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/rollouts");
    const filter = page.getByLabel("Of which model or route");
    await page.getByRole("row", { name: /support/ }).waitFor();
    await filter.selectOption({ label: "search" });
    await page.waitForURL((url) => url.searchParams.get("model") === "route:search");
    await page.getByRole("row", { name: /support/ }).waitFor({ state: "detached" });
    await page.getByRole("row", { name: /search/ }).getByRole("link", { name: "Rollout of the route search revision 2" }).click();
    await page.waitForURL((url) => url.pathname === `/rollouts/${rollout.id}`);

    await page.goto("/rollouts?model=route%3Asearch&start=1");
    const dialog = page.getByRole("dialog", { name: "Start a rollout of the route search" });
    await dialog.getByRole("link", { name: "Change search" }).click();
    const form = page.getByRole("dialog", { name: "Change search" });
    await form.getByRole("button", { name: "Change by rollout" }).waitFor();
    assert.equal(await form.getByLabel("System prompt").inputValue(), "Help.");
    // A second one at once is refused in words.
    await form.getByLabel("System prompt").fill("Find quickly.");
    await form.getByRole("button", { name: "Change by rollout" }).click();
    await form.getByRole("alert").getByText("ROLLOUT_UNDER_WAY").waitFor();
    watched.assertQuiet(/status of 409/);
    await watched.close();
  });

  it("show the old prompt beside the new one, and the history of the route goes back to a revision", async () => {
    const { api } = server.client;
    const settings = { targets: [{ provider: "echo", model: "echo" }], systemPrompt: "Help.\nIn full sentences." };
    await api.send("PUT", "/api/gateway/routes/compared", { revision: 0, settings, reason: "first" });
    await api.send("PUT", "/api/gateway/routes/compared", { revision: 1, settings: { ...settings, systemPrompt: "Help.\nIn one sentence." }, reason: "shorter" });
    const { id } = await api.send<{ id: string }>("POST", "/api/gateway/routes/compared/rollouts", { change: { systemPrompt: "Help.\nIn one word." } });
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto(`/rollouts/${id}`);
    const prompts = page.getByRole("region", { name: "systemPrompt: what differs" });
    await prompts.getByRole("row", { name: "− In one sentence. + In one word." }).waitFor();
    await prompts.getByRole("row", { name: "Help. Help.", exact: true }).waitFor();

    await api.send("POST", "/api/gateway/routes/compared/rollout/abort", { reason: "too curt" });
    await page.goto("/gateway?revisions=compared");
    const dialog = page.getByRole("dialog", { name: "Revisions of compared" });
    await dialog.getByRole("row", { name: /^2 answers/ }).waitFor();
    await dialog.getByRole("row", { name: /^3 draft: rollout aborted .*too curt/ }).waitFor();
    await dialog.getByRole("row", { name: /^1 / }).getByRole("button", { name: "Settings" }).click();
    await dialog.getByRole("row", { name: "− In one sentence. + In full sentences." }).waitFor();
    await dialog.getByLabel("Why").fill("customers asked for it");
    await dialog.getByRole("button", { name: "Restore revision 1" }).click();
    await dialog.getByRole("row", { name: /^1 answers/ }).waitFor();
    await dialog.getByRole("region", { name: "What answered" }).getByRole("row", { name: /1 local rolled back: customers asked for it$/ }).waitFor();
    assert.equal((await api.get<GatewayRoute>("/api/gateway/routes/compared")).revision, 1);
    watched.assertQuiet();
    await watched.close();
  });

  it("say after the start what the plan leaves out, and what of the tried settings does not hold yet", async () => {
    const { api } = server.client;
    await api.send("PUT", "/api/gateway/providers/far", { revision: 0, settings: { kind: "compatible", baseUrl: "http://127.0.0.1:9/v1" } });
    const settings = { targets: [{ provider: "far", model: "one" }], guardrails: [{ kind: "pii", action: "redact" }] };
    await api.send("PUT", "/api/gateway/routes/noted", { revision: 0, settings });
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/gateway?change=noted");
    const form = page.getByRole("dialog", { name: "Change noted" });
    await form.getByLabel("System prompt").fill("Find quickly.");
    await form.getByRole("button", { name: "JSON" }).click();
    const json = form.getByLabel("Settings");
    const wanted = JSON.parse(await json.inputValue()) as { guardrails: unknown[] };
    await json.fill(JSON.stringify({ ...wanted, guardrails: [] }));
    await form.getByRole("button", { name: "Change by rollout" }).click();
    await page.waitForURL((url) => url.pathname.startsWith("/rollouts/rol_"));
    const standing = page.getByRole("region", { name: "Standing" });
    const noPrice = standing.getByRole("status").filter({ hasText: "The plan has no gate cost: no model of either side has a price (far/one)" });
    const held = standing.getByRole("status").filter({ hasText: "The guardrail pii, taken away or changed in what is tried, holds for all calls as now" });
    await noPrice.getByText("slipway prices set far one --input ... --output ...", { exact: true }).waitFor();
    await held.waitFor();
    // Both stay for whoever looks around and comes back, each of them once.
    await page.getByRole("link", { name: "Rollouts" }).first().click();
    await page.getByRole("link", { name: /Rollout of the route noted/ }).click();
    await noPrice.waitFor();
    assert.equal(await held.count(), 1);
    for (const colorScheme of ["dark", "light"] as const) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width: 390, height: 800 });
      assert.deepEqual(await overflow(page), [], colorScheme);
    }
    await page.setViewportSize({ width: 1280, height: 800 });

    await api.send("POST", "/api/gateway/routes/noted/rollout/abort", { reason: "seen" });
    await page.goto("/rollouts?start=ab-test&model=route%3Anoted");
    const dialog = page.getByRole("dialog", { name: "Start an A/B test of the route noted" });
    await dialog.getByLabel("What it tries").selectOption("a change as JSON");
    await dialog.getByLabel("What is different").fill('{"limits": {"concurrency": 2}}');
    await dialog.getByRole("button", { name: "Start the test" }).click();
    await page.waitForURL((url) => url.pathname.startsWith("/rollouts/rol_"));
    await standing.getByRole("status").getByText("limits stay as they are for all calls until the tried settings are the route's own.").waitFor();
    watched.assertQuiet();
    await watched.close();
  });

  it("stand beside those of models, whose tests begin with their versions and whose policy has gates of its own", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/models/score/policy?edit=1");
    await page.getByRole("button", { name: /^shadow:/ }).click();
    await page.getByRole("button", { name: "Add gate: accuracy" }).waitFor();
    await page.getByText("The gates cost and score are for routes").waitFor();
    for (const gate of ["cost", "score"]) assert.equal(await page.getByRole("button", { name: `Add gate: ${gate}` }).count(), 0, gate);

    await page.goto("/rollouts");
    await page.getByRole("button", { name: "Start an A/B test" }).click();
    const dialog = page.getByRole("dialog", { name: "Start an A/B test" });
    await dialog.getByLabel("Of", { exact: true }).selectOption({ label: "score" });
    await dialog.getByLabel("Metric").selectOption("the predicted number");
    assert.deepEqual([await dialog.getByLabel("Version").inputValue(), await dialog.getByRole("button", { name: "Add a variant" }).count()], ["2", 0], "there is no third version");
    await dialog.getByRole("button", { name: "Start the test" }).click();
    await page.getByRole("heading", { name: "A/B test of score" }).waitFor();
    await page.getByRole("region", { name: "Arms" }).getByRole("row", { name: /^b v2 50%/ }).waitFor();
    watched.assertQuiet();
    await watched.close();
  });

  it("fit on a phone, in light and in dark", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      const watched = await openPage(browser, server.url, { viewport: { width: 390, height: 800 }, colorScheme });
      const { page } = watched;
      for (const [path, shows] of [["/rollouts", "route of the gateway"], ["/rollouts?start=ab-test&model=route%3Asupport", "Start the test"], ["/rollouts?start=1&model=route%3Asupport", "Change support"], ["/gateway?change=support", "System prompt"]] as const) {
        await page.goto(path);
        await page.getByText(shows).filter({ visible: true }).first().waitFor();
        await loaded(page);
        assert.deepEqual(await overflow(page), [], path);
        const wide = await page.evaluate("[...document.querySelectorAll('dialog')].filter((dialog) => dialog.scrollWidth > dialog.clientWidth).length");
        assert.equal(wide, 0, path);
      }
      watched.assertQuiet();
      await watched.close();
    }
  });
});
