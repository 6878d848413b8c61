import type { Caller } from "../core/caller.ts";
import type { EpochMs } from "../core/clock.ts";
import { spansOfTraceFile, type TraceService } from "../tracing/index.ts";
import type { ArtifactPlace, ArtifactService } from "../tracking/index.ts";
import { traceIdOf } from "./wire-traces.ts";

export interface TraceFileParts {
  artifacts: Pick<ArtifactService, "stat" | "read">;
  traces: Pick<TraceService, "ingest">;
  /** The team of an experiment on which the caller has the role contributor. Throws EXPERIMENT_NOT_FOUND, FORBIDDEN. */
  teamOfExperiment(caller: Caller, experiment: string): Promise<string>;
}

const place = /^([\w-]{1,64})\/traces\/((?:tr-)?[0-9a-f]{32})\/artifacts\/traces\.json$/;
/** Larger files stay what they are. */
const longestFile = 32 << 20;

/** To be told of each file that was uploaded: keeps the spans of those in which MLflow's clients before 3.4 leave a trace. What cannot be read stays a file, for the clients that wrote it. */
export function readTraceFiles({ artifacts, traces, teamOfExperiment }: TraceFileParts): (caller: Caller, file: ArtifactPlace, now: EpochMs) => Promise<void> {
  return async (caller, file, now) => {
    const [, experiment, wireId] = (typeof file === "string" ? place.exec(file) : null) ?? [];
    const traceId = wireId === undefined ? null : traceIdOf(wireId);
    if (experiment === undefined || traceId === null || (await artifacts.stat(caller, file)).bytes > longestFile) return;
    const parts: Buffer[] = [];
    for await (const part of await artifacts.read(caller, file)) parts.push(part as Buffer);
    const spans = spansOfTraceFile(Buffer.concat(parts).toString("utf8"), traceId);
    if (spans === null || spans.length === 0) return;
    await traces.ingest({ team: await teamOfExperiment(caller, experiment), experiment, sender: caller.actor }, spans, now);
  };
}
