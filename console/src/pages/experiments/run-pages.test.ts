import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { TablePage } from "../../data/tracking.ts";
import { RunPages, type LoadPage } from "./run-pages.ts";

/** A server with runs r0, r1, ... that notes what it was asked. */
function server(runs: string[]): { load: LoadPage; asked: { columns: string[]; after: string | null; limit: number }[] } {
  const asked: { columns: string[]; after: string | null; limit: number }[] = [];
  const load: LoadPage = (columns, after, limit) => {
    asked.push({ columns, after, limit });
    const start = Number(after ?? 0);
    const ids = runs.slice(start, start + limit);
    const next = start + ids.length < runs.length ? String(start + ids.length) : null;
    return Promise.resolve<TablePage>({ runs: ids, rows: ids.map((id) => columns.map((column) => `${column} of ${id}`)), next });
  };
  return { load, asked };
}

const idsTo = (count: number): string[] => Array.from({ length: count }, (_, index) => `r${index}`);
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("RunPages", () => {
  it("loads the names of all rows and the cells of what is looked at, once", async () => {
    const { load, asked } = server(idsTo(5000));
    const pages = new RunPages(load, () => undefined);
    await pages.start(["metrics.loss"]);
    assert.equal(pages.count, 5000);
    assert.ok(pages.complete && !pages.cut);
    assert.equal(pages.cell(4999, "attributes.name"), "attributes.name of r4999");
    assert.equal(pages.cell(50, "metrics.loss"), "metrics.loss of r50");
    assert.equal(pages.cell(3000, "metrics.loss"), undefined);
    const before = asked.length;
    pages.need(["metrics.loss"], 2990, 3010);
    pages.need(["metrics.loss"], 2990, 3010);
    await settle();
    assert.equal(asked.length, before + 1);
    assert.equal(pages.cell(3000, "metrics.loss"), "metrics.loss of r3000");
    assert.equal(pages.cell(2200, "metrics.loss"), "metrics.loss of r2200", "pages are loaded whole");
    assert.equal(pages.cell(4500, "metrics.loss"), undefined);
  });

  it("shows at most 10,000 rows and says that there are more", async () => {
    const pages = new RunPages(server(idsTo(10_500)).load, () => undefined);
    await pages.start([]);
    assert.deepEqual([pages.count, pages.cut], [10_000, true]);
  });

  it("asks for a thousand columns in questions that the server takes", async () => {
    const { load, asked } = server(idsTo(20));
    const pages = new RunPages(load, () => undefined);
    await pages.start([]);
    pages.need(Array.from({ length: 1000 }, (_, index) => `metrics.m${index}`), 0, 20);
    await settle();
    assert.ok(asked.every(({ columns }) => columns.length <= 200));
    assert.equal(pages.cell(19, "metrics.m999"), "metrics.m999 of r19");
  });

  it("notices runs that came or went, and keeps failures", async () => {
    const runs = idsTo(30);
    const pages = new RunPages(server(runs).load, () => undefined);
    await pages.start([]);
    pages.refresh([], 0, 10);
    await settle();
    assert.equal(pages.stale, false);
    runs.unshift("new");
    pages.refresh([], 0, 10);
    await settle();
    assert.equal(pages.stale, true);

    const failing = new RunPages(() => Promise.reject(new Error("no")), () => undefined);
    await failing.start([]);
    assert.match(String(failing.error), /no/);
  });
});
