/**
 * A number in [0, 1) out of a salt and a key, the same in every process and release: who a caller's version is hangs on it, so it must
 * never change (the tests hold vectors). Two lanes of 32 bits take the UTF-16 units one after the other, each by xor, multiplication and
 * rotation, and are stirred into each other at the end; 53 bits of the result are the number. It is not for secrets: who knows the salt
 * can choose keys for a side.
 */
export class KeyFraction {
  readonly #first: number;
  readonly #second: number;

  constructor(salt: string) {
    // The length keeps salt "ab" with key "c" apart from salt "a" with key "bc".
    let first = 0x3c6ef372 ^ salt.length;
    let second = 0x510e527f ^ salt.length;
    for (let index = 0; index < salt.length; index++) {
      first = stirFirst(first, salt.charCodeAt(index));
      second = stirSecond(second, salt.charCodeAt(index));
    }
    this.#first = finish(first);
    this.#second = finish(second ^ first);
  }

  of(key: string): number {
    let first = this.#first;
    let second = this.#second;
    for (let index = 0; index < key.length; index++) {
      const unit = key.charCodeAt(index);
      first = stirFirst(first, unit);
      second = stirSecond(second, unit);
    }
    first ^= key.length;
    const high = finish(first + Math.imul(second, 0x2545f491));
    const low = finish(second ^ Math.imul(high, 0x9e3779b1));
    return ((high >>> 5) * 67_108_864 + (low >>> 6)) / 9_007_199_254_740_992;
  }
}

function stirFirst(state: number, unit: number): number {
  const mixed = Math.imul(state ^ unit, 0xcc9e2d51);
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
}

function stirSecond(state: number, unit: number): number {
  const mixed = Math.imul(state ^ unit, 0x85ebca77);
  return Math.imul((mixed << 13) | (mixed >>> 19), 0x27d4eb2f);
}

/** Every bit of the argument decides about every bit of the answer. */
function finish(state: number): number {
  let mixed = Math.imul(state ^ (state >>> 16), 0x7feb352d);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b);
  return mixed ^ (mixed >>> 16);
}
