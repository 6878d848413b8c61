import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { after } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from "playwright-core";
import { seededRandom } from "../kit/seed.ts";

const root = join(import.meta.dirname, "../..");

/** Longer than anything takes on a slow machine: what is not there then does not come. */
const patienceMs = 60_000;

/**
 * For finding races: with SLIPWAY_TEST_SLOW=900 every answer of the server comes up to 900 ms late, in whatever order, and
 * SLIPWAY_TEST_CPU=6 has the page compute six times slower.
 */
const slow = { answersMs: Number(process.env.SLIPWAY_TEST_SLOW ?? 0), processor: Number(process.env.SLIPWAY_TEST_CPU ?? 1) };

/** The browser of the machine: SLIPWAY_TEST_CHROMIUM, or a Chromium or Chrome on the path. */
function browserPath(): string {
  const given = process.env.SLIPWAY_TEST_CHROMIUM;
  if (given !== undefined) return given;
  const names = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
  const found = (process.env.PATH ?? "").split(delimiter).flatMap((folder) => names.map((name) => join(folder, name))).find((path) => existsSync(path));
  assert.ok(found !== undefined, "No Chromium on the path; install one or name it in SLIPWAY_TEST_CHROMIUM.");
  return found;
}

/**
 * Of Chromium's features, off: Playwright's own choice, which a second list replaces, and the pages that newer releases load for the
 * list below the address bar of each window. Nobody sees them, and they took a fifth of the processor time of these tests.
 */
const featuresOff = [
  "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades", "HttpsFirstBalancedModeAutoEnable", "LensOverlay", "MediaRouter", "PaintHolding", "ThirdPartyStoragePartitioning",
  "AvoidCorsURLLoaderRestartOnRedirect", "TcpPortRandomizationWin", "OptimizationHints", "NetworkTimeServiceQuerying", "AimEnabled", "PreconnectToSearch",
  "WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "WebUIOmniboxFullPopup",
];

let opened: Promise<Browser> | undefined;

/** One for all tests of a file, closed behind the last of them: each page has cookies and storage of its own. */
export function openBrowser(): Promise<Browser> {
  return (opened ??= launch());
}

after(async () => (await opened)?.close());

async function launch(): Promise<Browser> {
  assert.ok(existsSync(join(root, "dist/console/index.html")), "The console is not built: npm run build -w console");
  return chromium.launch({
    executablePath: browserPath(),
    timeout: patienceMs,
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--in-process-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", `--disable-features=${featuresOff.join(",")}`],
  });
}

/** A page, and all that it complained of: errors, warnings, violations of the policy, requests to other hosts. */
export interface WatchedPage {
  page: Page;
  complaints: string[];
  /** Fails when there was any complaint that `expected` does not match; forgets them. */
  assertQuiet(expected?: RegExp): void;
  close(): Promise<void>;
}

export async function openPage(browser: Browser, baseURL: string, options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const context = await browser.newContext({ baseURL, viewport: { width: 1280, height: 800 }, reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(patienceMs);
  await slowDown(context, page);
  const complaints: string[] = [];
  await page.addInitScript(`addEventListener("securitypolicyviolation", (event) => console.error("policy violated: " + event.violatedDirective + " " + event.blockedURI + " " + event.sample))`);
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(`${message.type()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`thrown: ${error.message}`));
  page.on("request", (request) => {
    if (!request.url().startsWith(baseURL) && !request.url().startsWith("data:")) complaints.push(`request to ${request.url()}`);
  });
  return {
    page, complaints,
    assertQuiet(expected) {
      assert.deepEqual(complaints.splice(0).filter((complaint) => expected === undefined || !expected.test(complaint)), []);
    },
    close: () => context.close(),
  };
}

async function slowDown(context: BrowserContext, page: Page): Promise<void> {
  if (slow.processor > 1) await (await context.newCDPSession(page)).send("Emulation.setCPUThrottlingRate", { rate: slow.processor });
  if (slow.answersMs === 0) return;
  // In the page and not by `context.route`: that turns the browser's cache off, which then tells every server `Cache-Control: no-cache`, and the gateway's cache obeys.
  const random = seededRandom("slow answers");
  await context.exposeFunction("slipwayTestDelayMs", () => random.integer(0, slow.answersMs));
  await page.addInitScript(`{
    const quick = window.fetch;
    window.fetch = async (...request) => {
      const { pathname } = new URL(request[0] instanceof Request ? request[0].url : request[0], location.href);
      if (/^\\/(api|v2)\\//.test(pathname)) await window.slipwayTestDelayMs().then((delay) => new Promise((resolve) => setTimeout(resolve, delay)));
      return quick(...request);
    };
  }`);
}

/** Waits until what is read is what is wanted; fails with both when it does not become so. For what a locator cannot wait for. */
export async function becomes<Value>(read: () => Value | Promise<Value>, wanted: Value): Promise<void> {
  const end = performance.now() + patienceMs;
  let found = await read();
  while (!isDeepStrictEqual(found, wanted) && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    found = await read();
  }
  assert.deepEqual(found, wanted);
}

/**
 * Waits until an expression is true on the page. Playwright's `waitForFunction` cannot: unless it is true at once, it is evaluated
 * by the page itself, which the policy forbids.
 */
export function holds(page: Page, expression: string): Promise<void> {
  return becomes(() => page.evaluate<boolean>(expression), true);
}

/** Leads the open page of the console to an address of it, as a link there does: what the browser has loaded stays, which costs a fraction of a `goto`. */
export function follow(page: Page, path: string): Promise<void> {
  return page.evaluate(`history.pushState(null, "", ${JSON.stringify(path)})`);
}

/** Waits until nothing on the page is still being loaded for the first time. */
export function loaded(page: Page): Promise<void> {
  return holds(page, "document.querySelector('.skeleton') === null");
}

/** Pixels by which the page is wider than the window, and what sticks out. */
export async function overflow(page: Page): Promise<string[]> {
  return page.evaluate(`(() => {
    const root = document.documentElement;
    if (root.scrollWidth <= root.clientWidth) return [];
    const wide = [...document.querySelectorAll("main *")].filter((element) => element.getBoundingClientRect().right > root.clientWidth + 1);
    return [root.scrollWidth - root.clientWidth + " px", ...wide.slice(0, 5).map((element) => element.tagName + "." + element.className)];
  })()`);
}

/** The texts of those that have more in them than is seen: what is cut, or has to be scrolled sideways. */
export async function cutOff(page: Page, selector: string): Promise<string[]> {
  return page.evaluate(`[...document.querySelectorAll(${JSON.stringify(selector)})].filter((element) => element.scrollWidth > element.clientWidth + 1).map((element) => element.textContent.slice(0, 100))`);
}

/** Presses Tab until the focus is on what matches the selector; the number of presses, or a failure after `limit`. */
export async function tabTo(page: Page, selector: string, limit = 40): Promise<number> {
  for (let count = 1; count <= limit; count++) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(`document.activeElement?.matches(${JSON.stringify(selector)}) ?? false`)) return count;
  }
  throw new Error(`${limit} times Tab did not reach ${selector}.`);
}
