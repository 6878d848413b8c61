import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser, Page } from "playwright-core";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { becomes, loaded, openBrowser, openPage } from "./open-browser.ts";
import { deploySamples, payment } from "./sample-models.ts";

describe("the console by keyboard alone", () => {
  let server: RunningServer;
  let browser: Browser;
  let paths: string[];
  before(async () => {
    [server, browser] = await Promise.all([startServer(), openBrowser()]);
    await deploySamples(server);
    await server.client.infer("risk", payment(3));
    await server.client.api.send("PUT", "/api/gateway/routes/support", { revision: 0, settings: { targets: [{ provider: "echo", model: "echo" }] } });
    const answer = await fetch(`${server.url}/v1/chat/completions`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ model: "support", messages: [{ role: "user", content: "hello" }] }) });
    const { id } = await server.client.api.send<{ id: string }>("POST", "/api/models/score/rollouts", { version: "2", plan: { phases: [{ phase: "canary", weight: 0.5, minSeconds: 3600, gates: [] }, { phase: "full", weight: 1, gates: [] }] } });
    paths = [
      "/models/risk", "/models/risk/try", "/rollouts", `/rollouts/${id}`, "/rollouts?start=1", "/gateway", "/gateway?change=support", "/gateway/providers?add=1", "/gateway/keys", "/gateway/health", "/gateway/playground", "/costs", "/traces",
      "/traces?tab=sessions", `/traces/${answer.headers.get("x-slipway-trace")}`, "/datasets", "/settings/keys", "/settings/keys?create=1", "/experiments",
    ];
  });
  after(async () => {
    await server.stop();
  });

  it("reaches every control of every page, in a circle, with the focus in view, and says what each is", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    for (const path of paths) {
      await page.goto(path);
      await page.getByRole(/start|change|add|create/.test(path) ? "dialog" : "main").getByRole("heading").first().waitFor();
      await loaded(page);
      await becomes(async () => ({ path, ...(await walked(page)) }), { path, missed: [], unseen: [], wrong: [] });
    }
    watched.assertQuiet();
    await watched.close();
  });

  it("opens rows and dialogs, moves between tabs, and has the focus back where it was", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    const focused = (): Promise<string> => page.evaluate<string>(`(document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent).trim()`);
    await page.goto("/gateway");
    await page.getByRole("row", { name: /support/ }).waitFor();
    await page.getByRole("button", { name: "Add a route" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    for (let count = 0; count < 60; count++) {
      await page.keyboard.press("Tab");
      assert.ok(await page.evaluate(`document.activeElement === document.body || document.activeElement.closest("dialog") !== null`), "the focus stays in the dialog");
    }
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await becomes(focused, "Add a route");
    await page.getByRole("tab", { name: "Routes" }).focus();
    for (const tab of ["Playground", "Providers", "Keys", "Health", "Routes"]) {
      await page.keyboard.press("ArrowRight");
      await page.getByRole("tab", { name: tab, selected: true }).waitFor();
      await becomes(focused, tab);
    }
    await page.goto("/traces");
    await page.getByRole("link", { name: "Trace chat support" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "chat support" }).waitFor();
    watched.assertQuiet();
    await watched.close();
  });
});

interface Walked {
  /** Controls that Tab does not reach. */
  missed: string[];
  /** Controls that have the focus and do not show it. */
  unseen: string[];
  /** Controls without a name, headings that leave a level out, and references to nothing. */
  wrong: string[];
}

/** Presses Tab until the focus comes back to where it began. */
async function walked(page: Page): Promise<Walked> {
  await page.evaluate("document.activeElement.closest('dialog') ?? document.activeElement.blur(), window.slipwayTestSeen = new Set()");
  const unseen: string[] = [];
  for (let count = 0; count < 150; count++) {
    await page.keyboard.press("Tab");
    const step = await page.evaluate<string | null>(`(() => {
      const element = document.activeElement;
      if (element === document.body) return "";
      if (window.slipwayTestSeen.has(element)) return null;
      window.slipwayTestSeen.add(element);
      const rings = (marked) => { const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(marked); return (outlineStyle !== "none" && parseFloat(outlineWidth) > 0) || boxShadow !== "none"; };
      const { top, bottom } = element.getBoundingClientRect();
      const isShown = bottom > 0 && top < innerHeight && [element, element.closest("tr"), element.closest("label")].some((marked) => marked !== null && rings(marked));
      return isShown ? "" : element.outerHTML.slice(0, 120);
    })()`);
    if (step === null) break;
    if (step !== "") unseen.push(step);
  }
  const rest = await page.evaluate<Omit<Walked, "unseen">>(`(() => {
    const scope = document.querySelector("dialog[open]") ?? document;
    const isShown = (element) => element.checkVisibility({ visibilityProperty: true }) && element.getBoundingClientRect().width > 0;
    const all = (selector) => [...scope.querySelectorAll(selector)].filter(isShown);
    const isChosenRadio = (element) => element.type !== "radio" || element.checked;
    const missed = all("a[href], button, input, select, textarea, summary, [tabindex]").filter((element) => !element.disabled && element.tabIndex >= 0 && isChosenRadio(element) && !window.slipwayTestSeen.has(element));
    const nameOf = (element) => [element.getAttribute("aria-label"), ...(element.getAttribute("aria-labelledby") ?? "").split(" ").map((id) => document.getElementById(id)?.textContent), ...[...(element.labels ?? [])].map((label) => label.textContent), element.textContent].join("").trim();
    const nameless = all("button, a[href], input, select, textarea, summary, section[aria-labelledby], nav, aside, [role=img], [role=tab], [role=tree], [role=region]").filter((element) => nameOf(element) === "");
    const headings = all("h1, h2, h3, h4, h5");
    const jumps = headings.filter((heading, index) => index > 0 && Number(heading.tagName[1]) > Number(headings[index - 1].tagName[1]) + 1);
    const loose = all("[aria-controls], [aria-labelledby], [aria-describedby]").filter((element) => ["aria-controls", "aria-labelledby", "aria-describedby"].some((name) => (element.getAttribute(name) ?? "").split(" ").some((id) => id !== "" && document.getElementById(id) === null)));
    const unscoped = all("th:not([scope])");
    const text = (elements) => elements.map((element) => element.outerHTML.slice(0, 120));
    return { missed: text(missed), wrong: text([...nameless, ...jumps, ...loose, ...unscoped]) };
  })()`);
  return { unseen, ...rest };
}
