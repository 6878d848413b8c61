/**
 * How many numbers there were, their mean, and the sum of squared deviations from it: all that a comparison of means needs.
 * Plain data, so that it can be stored and added up over servers.
 */
export interface Moments {
  readonly count: number;
  readonly mean: number;
  readonly m2: number;
}

export const emptyMoments: Moments = Object.freeze({ count: 0, mean: 0, m2: 0 });

/**
 * Moments of numbers as they come (B. Welford, Note on a Method for Calculating Corrected Sums of Squares and Products,
 * Technometrics 4, 1962). Numbers that are not finite have no mean: they are left out.
 */
export class RunningMoments implements Moments {
  count = 0;
  mean = 0;
  m2 = 0;

  add(value: number): void {
    if (!Number.isFinite(value)) return;
    this.count++;
    const before = value - this.mean;
    this.mean += before / this.count;
    this.m2 += before * (value - this.mean);
  }

  /** Takes back a number that was added: the update backwards. Rounding must not leave a sum of squares below zero. */
  remove(value: number): void {
    if (!Number.isFinite(value)) return;
    const count = this.count - 1;
    if (count <= 0) {
      this.count = this.mean = this.m2 = 0;
      return;
    }
    const mean = this.mean - (value - this.mean) / count;
    this.m2 = Math.max(0, this.m2 - (value - this.mean) * (value - mean));
    [this.count, this.mean] = [count, mean];
  }

  /**
   * As if the numbers of the other had come too (T. Chan, G. Golub and R. LeVeque, Updating Formulae and a Pairwise Algorithm
   * for Computing Sample Variances, 1979).
   */
  merge(other: Moments): void {
    if (other.count === 0) return;
    if (this.count === 0) {
      [this.count, this.mean, this.m2] = [other.count, other.mean, other.m2];
      return;
    }
    const count = this.count + other.count;
    const apart = other.mean - this.mean;
    this.m2 += other.m2 + ((apart * this.count) / count) * apart * other.count;
    this.mean += (apart * other.count) / count;
    this.count = count;
  }

  toJSON(): Moments {
    return { count: this.count, mean: this.mean, m2: this.m2 };
  }
}

export function mergeMoments(parts: Iterable<Moments>): Moments {
  const sum = new RunningMoments();
  for (const part of parts) sum.merge(part);
  return sum.toJSON();
}

/** With n - 1 in the denominator; null of fewer than two numbers. */
export function varianceOf({ count, m2 }: Moments): number | null {
  return count < 2 ? null : m2 / (count - 1);
}

/** Of pairs: a covariate x that was known before the version answered, and the metric y. `co` sums products of deviations. */
export interface BivariateMoments {
  readonly count: number;
  readonly meanX: number;
  readonly meanY: number;
  readonly m2X: number;
  readonly m2Y: number;
  readonly co: number;
}

/** The same for pairs, with the same formulas. A pair of which one number is not finite is left out. */
export class RunningBivariateMoments implements BivariateMoments {
  count = 0;
  meanX = 0;
  meanY = 0;
  m2X = 0;
  m2Y = 0;
  co = 0;

  add(x: number, y: number): void {
    if (!Number.isFinite(x) || !Number.isFinite(y)) return;
    this.count++;
    const beforeX = x - this.meanX;
    const beforeY = y - this.meanY;
    this.meanX += beforeX / this.count;
    this.meanY += beforeY / this.count;
    this.m2X += beforeX * (x - this.meanX);
    this.m2Y += beforeY * (y - this.meanY);
    this.co += beforeX * (y - this.meanY);
  }

  /** Takes back a pair that was added. */
  remove(x: number, y: number): void {
    if (!Number.isFinite(x) || !Number.isFinite(y)) return;
    const count = this.count - 1;
    if (count <= 0) {
      this.count = this.meanX = this.meanY = this.m2X = this.m2Y = this.co = 0;
      return;
    }
    const [meanX, meanY] = [this.meanX - (x - this.meanX) / count, this.meanY - (y - this.meanY) / count];
    this.m2X = Math.max(0, this.m2X - (x - this.meanX) * (x - meanX));
    this.m2Y = Math.max(0, this.m2Y - (y - this.meanY) * (y - meanY));
    this.co -= (x - meanX) * (y - this.meanY);
    [this.count, this.meanX, this.meanY] = [count, meanX, meanY];
  }

  merge(other: BivariateMoments): void {
    if (other.count === 0) return;
    const count = this.count + other.count;
    const [apartX, apartY] = [other.meanX - this.meanX, other.meanY - this.meanY];
    const weight = (this.count / count) * other.count;
    this.m2X += other.m2X + apartX * apartX * weight;
    this.m2Y += other.m2Y + apartY * apartY * weight;
    this.co += other.co + apartX * apartY * weight;
    this.meanX += (apartX * other.count) / count;
    this.meanY += (apartY * other.count) / count;
    this.count = count;
  }

  toJSON(): BivariateMoments {
    const { count, meanX, meanY, m2X, m2Y, co } = this;
    return { count, meanX, meanY, m2X, m2Y, co };
  }
}

export function mergeBivariateMoments(parts: Iterable<BivariateMoments>): BivariateMoments {
  const sum = new RunningBivariateMoments();
  for (const part of parts) sum.merge(part);
  return sum.toJSON();
}
