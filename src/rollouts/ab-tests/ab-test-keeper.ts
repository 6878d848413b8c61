import type { TrafficRoute, TruthStore } from "../../serving/index.ts";
import type { FeedbackFeed } from "../../tracing/index.ts";
import type { Timers } from "../../workflows/index.ts";
import { TroubleLog } from "../replicas/trouble-log.ts";
import { TruthFollower } from "../replicas/truth-follower.ts";
import { AbTestScores } from "./ab-test-scores.ts";
import type { AbTestService, AbTestServiceParts } from "./ab-test-service.ts";

export interface AbTestKeeperParts extends Pick<AbTestServiceParts, "abTests" | "counts" | "replica" | "clock" | "logger"> {
  service: AbTestService;
  truths: Pick<TruthStore, "readSince">;
  feedback: FeedbackFeed;
  timers: Timers;
}

const beatMs = 1000;
/** Tests are attended to by every server, so nobody's end leaves one alone. */
const attendMs = 5000;
/** Requests that began before the end may still be counted. */
const keptMs = 60_000;
const page = 1000;
/** Values may be seen so much later than the newest: clocks differ, and transactions end in another order than they begin. */
const overlapMs = 10_000;

/** What goes on beside requests: writes figures, follows values that arrive, takes failing variants out, and looks after open tests. */
export class AbTestKeeper {
  readonly #parts: AbTestKeeperParts;
  readonly #truth: TruthFollower;
  readonly #scores: AbTestScores;
  readonly #troubles: TroubleLog;
  readonly #written = new Map<string, number>();
  /** By test, when the newest reported value that was seen arrived. */
  readonly #outcomes = new Map<string, number>();
  readonly #endedAt = new Map<string, number>();
  readonly #cuts = new Set<{ route: TrafficRoute; arm: string; reason: string }>();
  #beating: Promise<void> | null = null;
  #attendAt = 0;
  #cancel: () => void = () => undefined;
  #isRunning = false;

  constructor(parts: AbTestKeeperParts) {
    this.#parts = parts;
    this.#troubles = new TroubleLog(parts.logger, "abtests.trouble");
    this.#truth = new TruthFollower(parts.truths, parts.counts);
    this.#scores = new AbTestScores(parts);
  }

  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#tick();
  }

  /** Writes the last figures. */
  async stop(): Promise<void> {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    this.#cancel();
    await this.#beating;
    await this.#troubles.attempt("figures", () => this.#write());
  }

  /** A variant failed too often on this server: its traffic is taken at once, and everywhere as soon as the database can be told. */
  trip(route: TrafficRoute, arm: string, reason: string): void {
    this.#parts.service.cutHere(route, arm);
    this.#cuts.add({ route, arm, reason });
    void this.#troubles.attempt("cut", () => this.#cut());
  }

  readonly #tick = (): void => {
    if (!this.#isRunning) return;
    this.#beating ??= this.#beat().finally(() => (this.#beating = null));
    this.#cancel = this.#parts.timers.after(beatMs, this.#tick);
  };

  async #beat(): Promise<void> {
    const { counts, clock, service } = this.#parts;
    await this.#troubles.attempt("cut", () => this.#cut());
    const open = counts.open();
    if (open.some(({ metric }) => metric === "accuracy" || metric === "error")) await this.#troubles.attempt("truth", () => this.#truth.read(clock.now()));
    await this.#troubles.attempt("scores", () => this.#scores.read());
    for (const { test, metric } of open) await this.#troubles.attempt("outcomes", () => this.#follow(test, metric));
    await this.#troubles.attempt("figures", () => this.#write());
    if (clock.monotonic() < this.#attendAt) return;
    this.#attendAt = clock.monotonic() + attendMs;
    await this.#troubles.attempt("attend", async () => {
      const tests = await service.open();
      this.#scores.follow(tests);
      for (const test of tests) await service.attend(test);
      await service.clearEnded();
      this.#forget(new Set(tests.map(({ id }) => id)));
    });
  }

  async #cut(): Promise<void> {
    for (const one of [...this.#cuts]) {
      await this.#parts.service.cut(one.route, one.arm, one.reason);
      this.#cuts.delete(one);
    }
  }

  async #write(): Promise<void> {
    const { abTests, counts, replica, clock } = this.#parts;
    for (const { test, changes } of counts.open()) {
      const figures = counts.of(test);
      if (this.#written.get(test) === changes || figures === null) continue;
      await abTests.writeFigures(test, replica, figures, clock.now());
      this.#written.set(test, changes);
    }
  }

  /** Shows the counts what was reported at any server; what is shown twice changes nothing. */
  async #follow(test: string, metric: string): Promise<void> {
    if (["accuracy", "error", "prediction", "latency"].includes(metric)) return;
    const { abTests, counts, clock } = this.#parts;
    let from = Math.max(0, (this.#outcomes.get(test) ?? clock.now()) - overlapMs);
    for (let after: string | null = null; ;) {
      const found = await abTests.outcomesSince(test, from, after, page);
      counts.outcomes(test, found);
      const last = found.at(-1);
      if (last === undefined) break;
      [from, after] = [last.receivedAt, last.predictionId];
      this.#outcomes.set(test, Math.max(this.#outcomes.get(test) ?? 0, from));
      if (found.length < page) break;
    }
  }

  #forget(open: ReadonlySet<string>): void {
    const { counts, clock } = this.#parts;
    for (const { test } of counts.open()) {
      if (open.has(test)) continue;
      const since = this.#endedAt.get(test) ?? clock.monotonic();
      this.#endedAt.set(test, since);
      if (clock.monotonic() - since < keptMs) continue;
      counts.drop(test);
      for (const known of [this.#written, this.#outcomes, this.#endedAt]) known.delete(test);
    }
  }
}
