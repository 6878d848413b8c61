/** Natural logarithm of the gamma function for x > 0 (Lanczos, g = 7, 9 terms; Numerical Recipes 6.1). */
function logGamma(x: number): number {
  const terms = [
    0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905,
    -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
  ];
  const shifted = x - 1;
  let sum = terms[0]!;
  for (let index = 1; index < terms.length; index++) sum += terms[index]! / (shifted + index);
  const t = shifted + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(t) - t + Math.log(sum);
}

/** Regularised lower incomplete gamma function P(a, x): series below a + 1, continued fraction above. */
function lowerGamma(a: number, x: number): number {
  if (x <= 0) return 0;
  const scale = Math.exp(a * Math.log(x) - x - logGamma(a));
  if (x < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let n = 1; n < 10_000 && term > sum * 1e-15; n++) sum += term *= x / (a + n);
    return sum * scale;
  }
  let b = x + 1 - a;
  let c = 1e300;
  let d = 1 / b;
  let fraction = d;
  for (let n = 1; n < 10_000; n++) {
    const an = -n * (n - a);
    b += 2;
    d = 1 / (an * d + b || 1e-300);
    c = b + an / c || 1e-300;
    const factor = d * c;
    fraction *= factor;
    if (Math.abs(factor - 1) < 1e-15) break;
  }
  return 1 - scale * fraction;
}

/** Probability that a chi-square variable with `degrees` of freedom is at most `x`. */
export function chiSquareCdf(x: number, degrees: number): number {
  return lowerGamma(degrees / 2, x / 2);
}

/** The value that such a variable stays under with the given probability, by bisection to 1e-10 relative. */
export function chiSquareQuantile(probability: number, degrees: number): number {
  let low = 0;
  let high = degrees + 10;
  while (chiSquareCdf(high, degrees) < probability) high *= 2;
  for (let round = 0; round < 200 && high - low > 1e-10 * high; round++) {
    const middle = (low + high) / 2;
    if (chiSquareCdf(middle, degrees) < probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
