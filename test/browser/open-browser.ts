import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";

const root = join(import.meta.dirname, "../..");

/** The browser of the machine: SLIPWAY_TEST_CHROMIUM, or a Chromium or Chrome on the path. */
function browserPath(): string {
  const given = process.env.SLIPWAY_TEST_CHROMIUM;
  if (given !== undefined) return given;
  const names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
  const found = (process.env.PATH ?? "").split(delimiter).flatMap((folder) => names.map((name) => join(folder, name))).find((path) => existsSync(path));
  assert.ok(found !== undefined, "No Chromium on the path; install one or name it in SLIPWAY_TEST_CHROMIUM.");
  return found;
}

export async function openBrowser(): Promise<Browser> {
  assert.ok(existsSync(join(root, "dist/console/index.html")), "The console is not built: npm run build -w console");
  return chromium.launch({
    executablePath: browserPath(),
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
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
  page.setDefaultTimeout(30_000);
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

/** Pixels by which the page is wider than the window, and what sticks out. */
export async function overflow(page: Page): Promise<string[]> {
  return page.evaluate(`(() => {
    const root = document.documentElement;
    if (root.scrollWidth <= root.clientWidth) return [];
    const wide = [...document.querySelectorAll("main *")].filter((element) => element.getBoundingClientRect().right > root.clientWidth + 1);
    return [root.scrollWidth - root.clientWidth + " px", ...wide.slice(0, 5).map((element) => element.tagName + "." + element.className)];
  })()`);
}

/** Presses Tab until the focus is on what matches the selector; the number of presses, or a failure after `limit`. */
export async function tabTo(page: Page, selector: string, limit = 40): Promise<number> {
  for (let count = 1; count <= limit; count++) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(`document.activeElement?.matches(${JSON.stringify(selector)}) ?? false`)) return count;
  }
  throw new Error(`${limit} times Tab did not reach ${selector}.`);
}
