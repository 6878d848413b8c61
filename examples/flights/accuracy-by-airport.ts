import { readFileSync, writeFileSync } from "node:fs";

/**
 * A program that a workflow runs as a step; it could be in any language. It reads `flights.csv` in its working folder
 * (origin, probability of being late, whether it was) and the options in the file that SLIPWAY_INPUT names, and writes what it
 * found as JSON to the file that SLIPWAY_OUTPUT names. What it prints is in the log of the run.
 */
interface Airport {
  origin: string;
  flights: number;
  /** Shares of flights. */
  predictedLate: number;
  late: number;
  /** Mean squared error of the probability. */
  brier: number;
}

const { minimumFlights } = JSON.parse(readFileSync(process.env["SLIPWAY_INPUT"]!, "utf8")) as { minimumFlights: number };
const [, ...lines] = readFileSync("flights.csv", "utf8").trimEnd().split("\n");
console.log(`${lines.length} flights to look at`);

const byOrigin = Map.groupBy(lines.map((line) => line.split(",") as [string, string, string]), ([origin]) => origin);
const airports = [...byOrigin].map(([origin, flights]): Airport => {
  const mean = (value: (flight: [string, string, string]) => number): number => flights.reduce((sum, flight) => sum + value(flight), 0) / flights.length;
  return {
    origin,
    flights: flights.length,
    predictedLate: mean(([, probability]) => Number(probability)),
    late: mean(([, , late]) => Number(late)),
    brier: mean(([, probability, late]) => (Number(probability) - Number(late)) ** 2),
  };
});
const known = airports.filter(({ flights }) => flights >= minimumFlights).sort((one, other) => other.brier - one.brier);
if (known.length < airports.length) console.error(`left out for fewer than ${minimumFlights} flights: ${airports.length - known.length} airports`);
for (const { origin, flights, brier } of known.slice(0, 5)) console.log(`${origin}: Brier ${brier.toFixed(3)} over ${flights} flights`);

writeFileSync(process.env["SLIPWAY_OUTPUT"]!, JSON.stringify({ flights: lines.length, airports: known }));
