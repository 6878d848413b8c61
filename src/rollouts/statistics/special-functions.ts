const halfLogTwoPi = 0.5 * Math.log(2 * Math.PI);

/**
 * Natural logarithm of the gamma function for x > 0, within 1e-13 of it or of 1: Stirling's series (Abramowitz and Stegun, 6.1.41),
 * from 10 upwards.
 */
export function logGamma(x: number): number {
  let shifted = x;
  let product = 1;
  while (shifted < 10) product *= shifted++;
  const inverse = 1 / shifted;
  const square = inverse * inverse;
  const series = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square / 1188))));
  return (shifted - 0.5) * Math.log(shifted) - shifted + halfLogTwoPi + series - (product === 1 ? 0 : Math.log(product));
}

/** Logarithm of the beta function for a, b > 0. */
export function logBeta(a: number, b: number): number {
  return logGamma(a) + logGamma(b) - logGamma(a + b);
}

/** ln(exp(a) + exp(b)) without leaving the range of doubles. */
export function logAdd(a: number, b: number): number {
  const high = Math.max(a, b);
  return high === -Infinity ? high : high + Math.log1p(Math.exp(Math.min(a, b) - high));
}

/**
 * Regularised upper incomplete gamma function Q(a, x): one less the series below a + 1, a continued fraction above (Abramowitz and
 * Stegun, 6.5.29 and 6.5.31).
 */
export function upperGamma(a: number, x: number): number {
  if (x <= 0) return 1;
  const scale = Math.exp(a * Math.log(x) - x - logGamma(a));
  if (x < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let n = 1; term > sum * 1e-16; n++) sum += term *= x / (a + n);
    return 1 - scale * sum;
  }
  return scale / (x + 1 - a + fractionTail((n) => -n * (n - a), (n) => x + 1 - a + 2 * n));
}

/** P(chi-square variable >= x), exact in its tail; 1 without degrees of freedom. */
export function chiSquareUpper(x: number, degrees: number): number {
  return degrees <= 0 ? 1 : upperGamma(degrees / 2, x / 2);
}

/** P(Z >= z) of the standard normal distribution. */
function normalUpper(z: number): number {
  const half = upperGamma(0.5, (z * z) / 2) / 2;
  return z >= 0 ? half : 1 - half;
}

/** The z with P(Z >= z) = p, for 0 < p < 1. */
export function normalUpperQuantile(p: number): number {
  if (p > 0.5) return -normalUpperQuantile(1 - p);
  return crossing((z) => normalUpper(z) - p, 0, 40);
}

/**
 * Logarithm of P(share > x) for a share of the Beta(a, b) distribution, 0 < x < 1: continued fraction of DiDonato and Morris (ACM
 * Transactions on Mathematical Software 18, 1992).
 */
export function logBetaUpper(x: number, a: number, b: number): number {
  // The fraction converges quickly on the far side of the mean alone.
  return x > a / (a + b) ? logBetaTail(1 - x, b, a) : logOneLess(logBetaTail(x, a, b));
}

/** ln P(share < x), for x up to the mean. */
function logBetaTail(x: number, a: number, b: number): number {
  const front = a * Math.log(x) + b * Math.log1p(-x) - logBeta(a, b);
  const lambda = a - (a + b) * x;
  const first = (a / (a + 1)) * (lambda + 1);
  const numerator = (n: number): number => ((a + n - 1) * (a + b + n - 1) * n * (b - n) * x * x) / (a + 2 * n - 1) ** 2;
  const denominator = (n: number): number => n + (n * (b - n) * x) / (a + 2 * n - 1) + ((a + n) / (a + 2 * n + 1)) * (lambda + 1 + n * (2 - x));
  return front - Math.log(first + fractionTail(numerator, denominator));
}

function logOneLess(logarithm: number): number {
  return logarithm >= 0 ? -Infinity : Math.log1p(-Math.exp(logarithm));
}

/** numerator(1) / (denominator(1) + numerator(2) / (denominator(2) + …)), by the method of Lentz as changed by Thompson and Barnett. */
function fractionTail(numerator: (n: number) => number, denominator: (n: number) => number): number {
  const tiny = 1e-300;
  let value = tiny;
  let c = tiny;
  let d = 0;
  for (let n = 1; n < 10_000; n++) {
    const a = numerator(n);
    const b = denominator(n);
    d = 1 / (b + a * d || tiny);
    c = b + a / c || tiny;
    const factor = c * d;
    value *= factor;
    if (Math.abs(factor - 1) < 1e-15) break;
  }
  return value;
}

/** Where a monotone function changes its sign between two places, as near as doubles are; the end where it is nearest if it does not. */
export function crossing(value: (x: number) => number, from: number, to: number): number {
  const rises = value(from) < value(to);
  let [low, high] = [from, to];
  for (;;) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) return middle;
    if (value(middle) < 0 === rises) low = middle;
    else high = middle;
  }
}
