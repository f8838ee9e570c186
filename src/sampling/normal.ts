/** The normal distribution: the probability of its tail. */

/** The probability that a standard normal variable is above z; relative error below 1e-13. */
export function normalTail(z: number): number {
  if (z < 0) return 1 - normalTail(-z);
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  if (z > 2.5) {
    // Laplace's continued fraction: z + 1/(z + 2/(z + 3/(…))).
    let fraction = z;
    for (let term = 100; term > 0; term--) fraction = z + term / fraction;
    return density / fraction;
  }
  // Marsaglia's series: z + z³/3 + z⁵/(3·5) + …
  let term = z;
  let sum = z;
  for (let odd = 3; term > sum * 1e-17; odd += 2) {
    term *= (z * z) / odd;
    sum += term;
  }
  return 0.5 - density * sum;
}
