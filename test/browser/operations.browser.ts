import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { after, before, describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { becomes, openBrowser, openPage, overflow } from "./open-browser.ts";

/** Programs wait until a file of the folder `marks` allows them to go on, so that a page can be looked at in between. */
const definitions = (marks: string): string => `
  import { existsSync } from "node:fs";
  import { workflow, z } from ${JSON.stringify(new URL("../../src/index.ts", import.meta.url).href)};
  const marks = ${JSON.stringify(marks)};
  const waiting = (name) => ["sh", "-c", 'echo "started $1"; echo "careful $1" >&2; while ! test -e "$0/$1-go"; do sleep 0.02; done; echo "ended $1"', marks, name];

  export const training = workflow({
    name: "training", version: 2, description: "Trains two models at once",
    input: z.strictObject({ name: z.string().default("run"), days: z.number().int().min(1).default(30) }),
    async run(context, { name, days }) {
      await context.step("read labels", ({ log, progress }) => { log("\\u001b[32m" + days + " days\\u001b[0m"); progress(0.4, "labels read"); return days; }, { compensate: async (days, { log }) => log("labels given back") });
      await Promise.all([context.command("boosting", { command: waiting(name) }), context.command("logistic", { command: waiting(name) })]);
      await context.step("judge", () => { if (!existsSync(marks + "/mended")) throw new Error("the challenger is worse"); }, { retry: { maxAttempts: 1 } });
      return { days };
    },
  });
`;

describe("workflows in the console", () => {
  let server: RunningServer;
  let browser: Browser;
  let marks: string;
  const allow = (name: string): void => writeFileSync(join(marks, `${name}-go`), "");
  before(async () => {
    marks = await mkdtemp(join(tmpdir(), "slipway-marks-"));
    const module = join(marks, "workflows.ts");
    await writeFile(module, definitions(marks));
    [server, browser] = await Promise.all([startServer({ flags: ["--workflows", module] }), openBrowser()]);
  });
  after(async () => {
    await server.stop();
    await rm(marks, { recursive: true, force: true });
  });

  it("are started with a form, followed live, undone when they fail, and go on after a retry", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/workflows/definitions");
    await page.getByRole("button", { name: "Start training" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("region", { name: "Schema of the input" }).getByText("days").waitFor();
    await becomes(async () => JSON.parse(await dialog.getByRole("textbox", { name: "Input" }).inputValue()) as unknown, { name: "run", days: 30 });
    await dialog.getByRole("textbox", { name: "Input" }).fill('{ "name": ');
    await dialog.getByText("This is not JSON").waitFor();
    await dialog.getByRole("textbox", { name: "Input" }).fill('{ "name": "first", "days": 0 }');
    await dialog.getByRole("button", { name: "Start", exact: true }).click();
    await dialog.getByRole("alert").getByText("days").waitFor();
    watched.assertQuiet(/status of 400/);
    await dialog.getByRole("textbox", { name: "Input" }).fill('{ "name": "first", "days": 7 }');
    await dialog.getByRole("button", { name: "Start", exact: true }).click();
    await page.waitForURL((url) => url.pathname.startsWith("/workflows/runs/wfr_"));

    // While the two programs run: side by side, their output told apart.
    const log = page.getByRole("log", { name: "Log" });
    await log.getByText("started first").nth(1).waitFor();
    await log.getByText("careful first").nth(1).waitFor();
    await log.getByText("7 days", { exact: true }).waitFor();
    await becomes(() => log.locator(".log-stderr").count(), 2);
    assert.equal(await log.getByText("ended first").count(), 0);
    await page.getByText("labels read").waitFor();
    for (const step of ["boosting", "logistic"]) await page.getByRole("button", { name: new RegExp(`^${step}.*running.*beside 1 other step`) }).waitFor();
    await page.getByRole("button", { name: /^boosting/ }).click();
    await page.waitForURL((url) => url.searchParams.get("step") === "boosting");
    await log.getByText("7 days", { exact: true }).waitFor({ state: "detached" });
    await becomes(() => log.getByText("started first").count(), 1);
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByText("live, paused").waitFor();
    await page.getByRole("combobox", { name: "Step" }).selectOption("");

    allow("first");
    await page.getByText("the run has ended").waitFor();
    await log.getByText("ended first").nth(1).waitFor();
    await page.getByRole("alert").getByText("the challenger is worse").waitFor();
    await page.getByRole("button", { name: /^undo read labels.*undone/ }).waitFor();
    await log.getByText("labels given back").waitFor();

    writeFileSync(join(marks, "mended"), "");
    await page.getByRole("button", { name: "Retry" }).click();
    await page.getByRole("heading", { name: "Output" }).waitFor();
    await page.getByRole("region", { name: "output" }).getByText('"days": 7').waitFor();
    await becomes(() => page.getByRole("alert").count(), 0);
    watched.assertQuiet();
    await watched.close();
  });

  it("are listed as they are, filtered by the address, and can be cancelled", async () => {
    const { run } = await server.client.workflows.start("training", { name: "second" });
    const watched = await openPage(browser, server.url, { viewport: { width: 390, height: 800 } });
    const { page } = watched;
    await page.goto("/workflows?workflow=training&state=running");
    await page.getByRole("link", { name: `Run ${run.id}` }).click();
    await page.getByRole("log").getByText("started second").first().waitFor();
    assert.deepEqual(await overflow(page), []);
    await page.getByRole("button", { name: "Cancel", exact: true }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel the run" }).click();
    await page.getByText("the run has ended").waitFor();
    await page.getByText("cancelled", { exact: true }).waitFor();
    await page.goto("/workflows?workflow=training&state=running");
    await page.getByText("No run matches").waitFor();
    watched.assertQuiet();
    await watched.close();
  });

  it("run at times: made, paused, fired and removed", async () => {
    allow("run");
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/workflows/schedules?create=1");
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("nightly");
    await dialog.getByLabel("Workflow").selectOption("training");
    await dialog.getByLabel("Times", { exact: true }).fill("0 3 * * *");
    await dialog.getByLabel("Time zone").fill("America/New_York");
    await dialog.getByRole("button", { name: "Make the schedule" }).click();
    const row = page.getByRole("row", { name: /nightly/ });
    await row.getByText(/03:00 (EST|EDT|GMT-[45])/).waitFor();
    await row.getByRole("button", { name: "Pause nightly" }).click();
    await row.getByText("paused").waitFor();
    await row.getByRole("button", { name: "Run nightly now" }).click();
    await page.getByText("schedule nightly").waitFor();
    await page.goBack();
    await row.getByRole("button", { name: "Remove nightly" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
    await row.waitFor({ state: "detached" });
    watched.assertQuiet();
    await watched.close();
  });
});

describe("events in the console", () => {
  let server: RunningServer;
  let browser: Browser;
  let receiver: Server;
  let status = 503;
  const received: string[] = [];
  before(async () => {
    receiver = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        if (status < 300) received.push((JSON.parse(body) as { type: string }).type);
        response.writeHead(status).end();
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
    [server, browser] = await Promise.all([startServer({ environment: { SLIPWAY_EGRESS_ALLOWED: "127.0.0.1" } }), openBrowser()]);
  });
  after(async () => {
    await server.stop();
    receiver.closeAllConnections();
    await new Promise((resolve) => receiver.close(resolve));
  });

  it("reach a webhook that was added here, and again when it is asked for", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/events/webhooks");
    await page.getByRole("heading", { name: "No webhooks yet" }).waitFor();
    await page.getByRole("button", { name: "Add a webhook" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name", { exact: true }).fill("chat");
    await dialog.getByLabel("URL").fill(`http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`);
    await dialog.getByLabel("team.*", { exact: true }).check();
    await dialog.getByRole("button", { name: "Add the webhook" }).click();
    assert.match((await dialog.getByRole("region", { name: "secret" }).textContent())!, /^whsec_/);
    await dialog.getByRole("button", { name: "I have kept it" }).click();
    await page.getByRole("link", { name: "chat" }).click();

    await page.getByRole("button", { name: "Send a test" }).click();
    const row = page.getByRole("row", { name: /webhook\.test/ });
    // Refused at first, and tried again by itself.
    await row.getByText("pending 503").waitFor();
    status = 204;
    await row.getByText("delivered 204").waitFor();
    assert.deepEqual(received, ["webhook.test"]);
    await row.getByRole("button", { name: /^Deliver \d+ again/ }).click();
    await becomes(() => received.length, 2);
    await row.getByText("delivered 204").waitFor();

    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByText("paused", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Resume" }).click();
    await page.getByText("active", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Delivered", exact: true }).click();
    await page.waitForURL((url) => url.searchParams.get("state") === "delivered");
    await row.waitFor();
    await page.getByRole("button", { name: "Remove" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
    await page.getByRole("heading", { name: "No webhooks yet" }).waitFor();
    watched.assertQuiet();
    await watched.close();
  });

  it("are listed by type and object, and newer ones are offered", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/events?type=team.created");
    await page.getByRole("heading", { name: "No event matches" }).waitFor();
    await fetch(`${server.url}/api/teams`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ name: "fraud" }) });
    await page.getByRole("button", { name: "Show newer" }).click();
    await page.getByRole("link", { name: "team:fraud" }).click();
    await page.getByRole("row", { name: /fraud/ }).waitFor();
    watched.assertQuiet();
    await watched.close();
  });

  it("leave the doctor with something to say, and nothing to scroll sideways", async () => {
    const watched = await openPage(browser, server.url, { viewport: { width: 390, height: 800 } });
    const { page } = watched;
    for (const [path, shows] of [["/settings/doctor", "Problems"], ["/settings/keys", "No keys yet"], ["/settings/teams", "with the server"], ["/settings/audit", "Chain head"], ["/workflows", "State"], ["/workflows/schedules", "Make a schedule"], ["/events", "Type"]] as const) {
      await page.goto(path);
      await page.getByText(shows).filter({ visible: true }).first().waitFor();
      assert.deepEqual(await overflow(page), [], path);
    }
    watched.assertQuiet();
    await watched.close();
  });

  it("tell in the audit log who did what by the names of keys, also of revoked ones, and keep their ids at hand", async () => {
    const { api } = server.client;
    const made = await api.send<{ id: string; key: string }>("POST", "/api/keys", { name: "nightly", grants: [{ role: "admin", team: "*" }] });
    const asKey = await fetch(`${server.url}/api/teams`, { method: "POST", headers: { Authorization: `Bearer ${made.key}`, "Content-Type": "application/json" }, body: JSON.stringify({ name: "risk" }) });
    assert.equal(asKey.status, 200);
    await api.send("DELETE", `/api/keys/${made.id}`);
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/settings/audit");
    const row = page.getByRole("row", { name: /createTeam team:risk/ });
    const actor = row.getByRole("button", { name: "nightly (revoked)" });
    assert.equal(await actor.getAttribute("title"), `Only actor key:${made.id}`);
    await page.getByRole("row", { name: /local revokeKey key nightly \(revoked\)/ }).waitFor();
    await actor.click();
    await page.waitForURL((url) => url.searchParams.get("actor") === `key:${made.id}`);
    await page.getByRole("row", { name: /revokeKey/ }).waitFor({ state: "detached" });
    // Who types finds the key by its name too.
    assert.equal(await page.getByLabel("Filter by actor").evaluate((input) => (input as unknown as { list: { options: { value: string; label: string }[] } }).list.options[0]!.label), "nightly");
    await row.getByRole("button", { name: /^Details of/ }).click();
    await page.getByRole("button", { name: "Copy actor" }).waitFor();
    await page.getByText(`key:${made.id}`, { exact: true }).waitFor();
    await page.setViewportSize({ width: 390, height: 800 });
    assert.deepEqual(await overflow(page), []);
    watched.assertQuiet();
    await watched.close();
  });
});
