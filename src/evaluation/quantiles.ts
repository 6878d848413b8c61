/** Above it the expansion around the normal distribution is closer than the sums are. */
const mostExactDegrees = 1000;

/** P(Z <= x) of the standard normal distribution: G. Marsaglia, Evaluating the Normal Distribution, J. Stat. Software 11 (2004). For |x| < 7. */
function normalProbability(x: number): number {
  let sum = x;
  let term = x;
  let before = 0;
  for (let divisor = 3; sum !== before; divisor += 2) {
    before = sum;
    term *= (x * x) / divisor;
    sum += term;
  }
  return 0.5 + (sum * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
}

/** The x with P(Z <= x) = p, for 0.5 <= p < 1 - 1e-9. */
export function normalQuantile(p: number): number {
  return bisect((x) => normalProbability(x), p, 6.5);
}

/** P(|T| <= t) of Student's distribution, for t >= 0 and whole degrees of freedom: Abramowitz and Stegun, 26.7.3 and 26.7.4. */
function studentProbability(t: number, degrees: number): number {
  const angle = Math.atan(t / Math.sqrt(degrees));
  if (degrees === 1) return (2 * angle) / Math.PI;
  const sine = Math.sin(angle);
  const cosine = Math.cos(angle);
  const isEven = degrees % 2 === 0;
  let term = isEven ? 1 : cosine;
  let sum = term;
  for (let power = isEven ? 2 : 3; power <= degrees - 2; power += 2) {
    term *= (cosine * cosine * (power - 1)) / power;
    sum += term;
  }
  return isEven ? sine * sum : (2 / Math.PI) * (angle + sine * sum);
}

/**
 * The t with P(T <= t) = p, for 0.5 <= p < 1. Beyond a thousand degrees of freedom by the expansion of Cornish and Fisher
 * (Abramowitz and Stegun, 26.7.5), which is then within 1e-10.
 */
export function studentQuantile(p: number, degrees: number): number {
  if (degrees <= mostExactDegrees) {
    let high = 2;
    while (studentProbability(high, degrees) < 2 * p - 1) high *= 2;
    return bisect((t) => studentProbability(t, degrees), 2 * p - 1, high);
  }
  const z = normalQuantile(p);
  const first = (z ** 3 + z) / 4;
  const second = (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96;
  const third = (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384;
  return z + first / degrees + second / degrees ** 2 + third / degrees ** 3;
}

/** Where a rising function takes the value, between 0 and `high`, as near as doubles are. */
function bisect(rising: (x: number) => number, value: number, high: number): number {
  let low = 0;
  let top = high;
  for (;;) {
    const middle = (low + top) / 2;
    if (middle === low || middle === top) return middle;
    if (rising(middle) < value) low = middle;
    else top = middle;
  }
}
