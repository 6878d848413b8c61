import type { FlightTable } from "./dataset.ts";
import { DelayModel, sigmoid } from "./delay-model.ts";

export interface FitOptions {
  seed?: number;
  /** Passes over the rows. */
  epochs?: number;
  /** Initial step of Adagrad. */
  step?: number;
  /** Pull of each selected weight towards 0, per visit. */
  shrinkage?: number;
  /** Told, each 25,000 flights, how many were learnt from and the mean log loss of these last ones, judged before they were learnt. */
  onProgress?: (flights: number, logLoss: number) => void;
}

/** The setting that did best on April. */
export const chosenOptions = { seed: 1, epochs: 2, step: 0.3, shrinkage: 0.06 } as const;
const toldEvery = 25_000;

/**
 * Fits by stochastic gradient descent, one flight at a time, with Adagrad's steps: a weight that was visited often moves
 * little, a rare one moves far (Duchi, Hazan and Singer, 2011). The order of the flights comes from the seed, so the same
 * rows give the same weights, bit for bit. The defaults are the ones that did best on April.
 */
export function fitDelayModel(table: FlightTable, options: FitOptions = {}): DelayModel {
  const { seed, epochs, step, shrinkage, onProgress } = { ...chosenOptions, ...options };
  const model = DelayModel.forTable(table);
  const { weights } = model;
  const cells = model.cellsOf(table);
  const width = model.families.length;
  const squares = new Float32Array(weights.length).fill(1);
  let lateRows = 0;
  for (const late of table.late) lateRows += late;
  let bias = Math.log(lateRows / (table.rows - lateRows));
  const order = Uint32Array.from({ length: table.rows }, (_, index) => index);
  const random = randomNumbers(seed);
  let seen = 0;
  let surprise = 0;
  for (let epoch = 0; epoch < epochs; epoch++) {
    shuffle(order, random);
    for (const row of order) {
      const from = row * width;
      let logOdds = bias;
      for (let index = from; index < from + width; index++) logOdds += weights[cells[index]!]!;
      const error = sigmoid(logOdds) - table.late[row]!;
      surprise -= Math.log(1 - Math.abs(error));
      if (++seen % toldEvery === 0) {
        onProgress?.(seen, surprise / toldEvery);
        surprise = 0;
      }
      bias -= 0.0005 * error;
      for (let index = from; index < from + width; index++) {
        const cell = cells[index]!;
        const gradient = error + shrinkage * weights[cell]!;
        const square = squares[cell]! + gradient * gradient;
        squares[cell] = square;
        weights[cell]! -= (step * gradient) / Math.sqrt(square);
      }
    }
  }
  model.bias = bias;
  return model;
}

/**
 * Platt scaling: finds the slope and intercept that make the log odds fit flights that the weights have not seen, and
 * writes them into the model. Two numbers, by Newton's method; it takes back the confidence that comes of having learnt
 * the training rows by heart.
 */
export function calibrate(model: DelayModel, table: FlightTable): { slope: number; intercept: number } {
  const logOdds = model.logOdds(table);
  let slope = 1;
  let intercept = 0;
  for (let round = 0; round < 12; round++) {
    let gradientSlope = 0, gradientIntercept = 0, slopeSlope = 1e-9, slopeIntercept = 0, interceptIntercept = 1e-9;
    for (let row = 0; row < table.rows; row++) {
      const value = logOdds[row]!;
      const probability = sigmoid(slope * value + intercept);
      const error = probability - table.late[row]!;
      const weight = probability * (1 - probability);
      gradientSlope += error * value;
      gradientIntercept += error;
      slopeSlope += weight * value * value;
      slopeIntercept += weight * value;
      interceptIntercept += weight;
    }
    const determinant = slopeSlope * interceptIntercept - slopeIntercept * slopeIntercept;
    const changeSlope = (interceptIntercept * gradientSlope - slopeIntercept * gradientIntercept) / determinant;
    const changeIntercept = (slopeSlope * gradientIntercept - slopeIntercept * gradientSlope) / determinant;
    slope -= changeSlope;
    intercept -= changeIntercept;
    if (Math.abs(changeSlope) + Math.abs(changeIntercept) < 1e-9) break;
  }
  model.weights.forEach((weight, index) => (model.weights[index] = weight * slope));
  model.bias = model.bias * slope + intercept;
  return { slope, intercept };
}

/** Numbers in [0, 1) that depend on the seed alone (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function shuffle(order: Uint32Array, random: () => number): void {
  for (let index = order.length - 1; index > 0; index--) {
    const other = Math.floor(random() * (index + 1));
    const kept = order[index]!;
    order[index] = order[other]!;
    order[other] = kept;
  }
}
