import { formatDollars } from "../core/dollars.ts";

/** Amounts of a trace as commands say them; a dash is what nobody told. */
export function dollarsText(nano: number | null): string {
  return nano === null ? "-" : formatDollars(nano / 1e9);
}

/** Input and output. */
export function tokensText(input: number | null, output: number | null): string {
  return input === null && output === null ? "-" : `${input ?? 0}+${output ?? 0}`;
}

export function tookText(milliseconds: number | null): string {
  return milliseconds === null ? "running" : milliseconds >= 1000 ? `${(milliseconds / 1000).toFixed(2)} s` : `${milliseconds.toFixed(1)} ms`;
}
